from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tests.stablehlo import COMPLEX, FLOATS, INTEGERS
from tflite_schema import BuiltinOperator, DilateOptions

CODE = BuiltinOperator.DILATE


@st.composite
def dilate(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(st.one_of(movement.shape(1, 4, 4), movement.shape(5, 6, 2)))
    x = draw(movement.operand(shape, dtype, constant=None))
    value = Operand(draw(movement.values((), dtype)), x.scale, x.zero_point, constant=x.constant or draw(st.booleans()))
    x = Operand(x.value, x.scale, x.zero_point)
    steps = draw(st.lists(st.integers(1, 4), min_size=len(shape), max_size=len(shape)))
    return OneOp(CODE, [x, draw(movement.indices(steps)), value], [movement.like(x)], DilateOptions())


CASES = movement.cases(dilate, *FLOATS, *INTEGERS, *COMPLEX, "bfloat16")
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(1, 7, dtype=np.float32).reshape(2, 3))


def model(steps: Any, dtype: Any = np.int32, x: Operand = X, value: Any = 0) -> OneOp:
    padding = constant(value, x.value.dtype)
    return OneOp(CODE, [x, constant(steps, dtype), padding], [movement.like(x)], DilateOptions())


def test_by_hand() -> None:
    case = model([2, 3], value=9)
    assert check(case) == 21
    expected = [[1, 9, 9, 2, 9, 9, 3], [9] * 7, [4, 9, 9, 5, 9, 9, 6]]
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == expected


def test_refusals() -> None:
    # TFLite 2.21 writes outside its memory for most of these.
    refused(model([2, 0]), "must be 1 or more", theirs=False)
    refused(model([2, -1]), "must be 1 or more", theirs=False)
    refused(model([2, 2, 2]), "dilations have shape", theirs=False)
    refused(model([2, 2], np.int64), "dilations of type INT64", theirs=False)
    refused(model([2, 2], value=[1, 2]), "expected one element", theirs=False)
    refused(model([], x=Operand(np.ones((), np.float32))), "nothing to dilate", theirs=False)
    refused(model([2, 2], x=Operand(np.zeros((0, 2), np.float32))), "nothing to dilate", theirs=False)
    refused(model([1] * 7, x=Operand(np.zeros((1,) * 7, np.float32))), "7 dimensions")
    wrong = OneOp(CODE, [X, constant([1, 2]), constant(0, np.int32)], [movement.like(X)], DilateOptions())
    refused(wrong, "must have one type")

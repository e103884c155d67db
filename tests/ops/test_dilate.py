from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, DilateOptions

MORE = ("bool", "float16", "float64", "uint16", "uint32", "uint64", "complex64")


@st.composite
def dilate(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5, 4))
    steps = [draw(st.integers(1, 3)) for _ in shape]
    x = draw(movement.operand(shape, dtype))
    value = Operand(draw(movement.values((), dtype)), x.scale, x.zero_point, constant=draw(st.booleans()))
    operands = [x, draw(movement.indices(steps)), value]
    return OneOp(BuiltinOperator.DILATE, operands, [movement.like(x)], DilateOptions())


CASES = movement.cases(dilate, *COMMON, *MORE)
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], steps: Any, value: Any = 0) -> OneOp:
    operands = [Operand(np.zeros(shape, np.float32)), constant(steps), constant(value, np.float32)]
    return OneOp(BuiltinOperator.DILATE, operands, [Result(np.float32)], DilateOptions())


def test_refusals() -> None:
    # TFLite crashes on most of these, or reads beyond the dilations.
    refused(model((2, 3), [1, 0]), r"dilations \[1, 0\] must be 1 or more", theirs=False)
    refused(model((2, 3), [1]), r"dilations have shape \(1,\), expected \(2,\)", theirs=False)
    refused(model((), []), "holds nothing to set apart", theirs=False)
    refused(model((0, 2), [1, 2]), "holds nothing to set apart", theirs=False)
    refused(model((1,) * 7, [1] * 7), "7 dimensions; the kernel takes up to 6")
    refused(model((2,), [2], [0, 0]), "expected one element", theirs=False)

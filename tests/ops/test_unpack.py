from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, UnpackOptions


@st.composite
def unpack(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 6, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    x = draw(movement.operand(shape, dtype))
    options = UnpackOptions(axis=axis, num=shape[axis])
    return OneOp(BuiltinOperator.UNPACK, [x], [movement.like(x)] * shape[axis], options)


CASES = movement.cases(unpack, "float32", "int8", "uint8", "int16", "int32", "bool")
test_matches_reference = matches_reference(CASES)


def model(x: Operand, results: list[Result], axis: int = 0, num: int = 2) -> OneOp:
    return OneOp(BuiltinOperator.UNPACK, [x], results, UnpackOptions(axis=axis, num=num))


def test_refusals() -> None:
    x, y = Operand(np.zeros((2, 3), np.float32)), Result(np.float32)
    refused(model(x, [y]), "num is 2, but there are 1 results")
    refused(model(x, [y, y], axis=1), r"dimension 1 of \(2, 3\) gives 3 results, expected 2")
    refused(model(x, [y, y], axis=2), "axis 2 is outside a rank of 2")
    refused(model(Operand(np.zeros((2, 0), np.float32)), [y, y]), "nothing to unpack")
    q = Operand(np.zeros(2, np.int8), 0.5, 1)
    refused(model(q, [Result(np.int8, 0.5, 2)] * 2), "values are only moved")

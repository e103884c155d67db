from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, FillOptions


@st.composite
def fill(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = draw(movement.shape(0, 5, 4, empty=not fed))
    value = draw(movement.operand((), dtype, constant=True if dtype is object else None))
    operands = [draw(movement.indices(shape, (np.int32, np.int64), fed)), value]
    return OneOp(BuiltinOperator.FILL, operands, [movement.like(value)], FillOptions())


CASES = movement.cases(fill, "float32", "int8", "int16", "int32", "int64", "bool", "float16", "string")
test_matches_reference = matches_reference(CASES)


def model(shape: Any, value: Operand, result: Result | None = None) -> OneOp:
    return OneOp(BuiltinOperator.FILL, [constant(shape), value], [result or movement.like(value)], FillOptions())


def test_refusals() -> None:
    refused(model([2], Operand(np.zeros(1, np.float32))), r"the value has shape \(1,\), expected a scalar")
    refused(model([-2], Operand(np.zeros((), np.float32))), "negative dimension")
    refused(model([[2]], Operand(np.zeros((), np.float32))), "the shape operand has 2 dimensions")
    refused(model([2], Operand(np.zeros((), np.int8), 0.5, 1), Result(np.int8, 0.5, 2)), "values are only moved")
    refused(model([2], Operand(np.zeros((), np.uint8), 0.5, 1)), "no uint8 kernel")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, FURTHER, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, ExpandDimsOptions


@st.composite
def expand_dims(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans()) and dtype is not object
    shape = draw(movement.shape(int(dtype is object), 6, 4, empty=not fed))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    content = axis if draw(st.booleans()) else [axis]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(content, (np.int32, np.int64), fed))]
    return OneOp(BuiltinOperator.EXPAND_DIMS, operands, [movement.like(x)], ExpandDimsOptions())


CASES = movement.cases(expand_dims, *COMMON, *FURTHER, "string", "int4")
test_matches_reference = matches_reference(CASES)


def model(x: Operand, axis: Operand, result: Result | None = None) -> OneOp:
    return OneOp(BuiltinOperator.EXPAND_DIMS, [x, axis], [result or movement.like(x)], ExpandDimsOptions())


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.int8), 0.5, 1)
    refused(model(x, constant(3)), "axis 3 is outside a rank of 3")
    refused(model(x, constant([0, 1])), r"the axis has shape \(2,\), expected one element")
    refused(model(x, constant(0, np.int16)), "the axis of type INT16")
    refused(model(x, constant(0), Result(np.int8, 0.25, 1)), "values are only moved")

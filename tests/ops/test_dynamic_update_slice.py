from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, matches_reference
from tflite_schema import BuiltinOperator, DynamicUpdateSliceOptions


@st.composite
def dynamic_update_slice(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 6, 4))
    part = tuple(draw(st.integers(1, size)) for size in shape)
    start = [draw(st.integers(-2, size + 2)) for size in shape]
    x = draw(movement.operand(shape, dtype))
    update = Operand(draw(movement.values(part, dtype)), x.scale, x.zero_point, type=x.type)
    operands = [x, update, draw(movement.indices(start, (np.int32, np.int64)))]
    options = DynamicUpdateSliceOptions()
    return OneOp(BuiltinOperator.DYNAMIC_UPDATE_SLICE, operands, [movement.like(x)], options)


CASES = movement.cases(dynamic_update_slice, "float32", "int8", "int16", "int32", "int64", "bool", "float16", "int4")
test_matches_reference = matches_reference(CASES)


def model(update: tuple[int, ...], start: Any, dtype: Any = np.int32) -> OneOp:
    x = Operand(np.zeros((2, 3), np.float32))
    operands = [x, Operand(np.zeros(update, np.float32)), constant(start, dtype)]
    options = DynamicUpdateSliceOptions()
    return OneOp(BuiltinOperator.DYNAMIC_UPDATE_SLICE, operands, [movement.like(x)], options)


def test_refusals() -> None:
    refused(model((3, 1), [0, 0]), r"an update of shape \(3, 1\) does not fit into \(2, 3\)")
    refused(model((1,), [0, 0]), "does not fit")
    refused(model((1, 1), [0]), r"start indices have shape \(1,\), expected \(2,\)")
    refused(model((1, 1), [0, 0], np.int16), "start indices of type INT16")

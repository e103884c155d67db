from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, ShapeOptions, TensorType


@st.composite
def shape_of(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(1, 8, 4, empty=True)), dtype))
    wanted, out_type = draw(st.sampled_from([(np.int32, TensorType.INT32), (np.int64, TensorType.INT64)]))
    return OneOp(BuiltinOperator.SHAPE, [x], [Result(wanted)], ShapeOptions(out_type=out_type))


CASES = movement.cases(shape_of, *COMMON, "bool", "complex64", "string")
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    wrong = ShapeOptions(out_type=TensorType.FLOAT32)
    refused(OneOp(BuiltinOperator.SHAPE, [x], [Result(np.int32)], wrong), "out_type")
    other = ShapeOptions(out_type=TensorType.INT64)
    refused(OneOp(BuiltinOperator.SHAPE, [x], [Result(np.int32)], other), "but the result is INT32", theirs=False)

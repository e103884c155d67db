from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, ZerosLikeOptions


@st.composite
def zeros_like(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(0, 6, 4, empty=True)), dtype))
    return OneOp(BuiltinOperator.ZEROS_LIKE, [x], [movement.like(x)], ZerosLikeOptions())


CASES = movement.cases(zeros_like, "float32", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    x = Operand(np.zeros(2, np.int8))
    refused(OneOp(BuiltinOperator.ZEROS_LIKE, [x], [Result(np.int8)], ZerosLikeOptions()), "no int8 kernel")

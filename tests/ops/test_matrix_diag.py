from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, MatrixDiagOptions


@st.composite
def matrix_diag(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(1, 5, 5, empty=True)), dtype))
    return OneOp(BuiltinOperator.MATRIX_DIAG, [x], [movement.like(x)], MatrixDiagOptions())


CASES = movement.cases(matrix_diag, *COMMON)
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    x = Operand(np.zeros((), np.float32))
    refused(
        OneOp(BuiltinOperator.MATRIX_DIAG, [x], [Result(np.float32)], MatrixDiagOptions()), "a scalar has no diagonal"
    )

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, MatrixSetDiagOptions


@st.composite
def matrix_set_diag(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(2, 5, 5, empty=True)), dtype))
    shape = (*x.value.shape[:-2], min(x.value.shape[-2:]))
    diagonal = Operand(draw(movement.values(shape, dtype)), x.scale, x.zero_point)
    return OneOp(BuiltinOperator.MATRIX_SET_DIAG, [x, diagonal], [movement.like(x)], MatrixSetDiagOptions())


CASES = movement.cases(matrix_set_diag, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], diagonal: tuple[int, ...]) -> OneOp:
    operands = [Operand(np.zeros(shape, np.float32)), Operand(np.zeros(diagonal, np.float32))]
    return OneOp(BuiltinOperator.MATRIX_SET_DIAG, operands, [Result(np.float32)], MatrixSetDiagOptions())


def test_refusals() -> None:
    refused(model((3,), (3,)), "holds no matrix")
    # TFLite reads beyond the diagonal's end.
    refused(model((2, 3), (1,)), r"the diagonal has shape \(1,\), expected \(2,\)", theirs=False)

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, Rfft2dOptions


@st.composite
def rfft2d(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(2, 4, 9))
    length = [2 ** draw(st.integers(0, 4)), 2 ** draw(st.integers(1, 4))]
    operands = [draw(movement.operand(shape, dtype)), draw(movement.indices(length))]
    return OneOp(BuiltinOperator.RFFT2D, operands, [Result(np.complex64)], Rfft2dOptions(), tolerance=1e-6)


CASES = movement.cases(rfft2d, "float32")
test_matches_reference = matches_reference(CASES)


def model(length: Any, shape: tuple[int, ...] = (4, 4), dtype: Any = np.float32) -> OneOp:
    operands = [Operand(np.zeros(shape, dtype)), constant(length)]
    return OneOp(BuiltinOperator.RFFT2D, operands, [Result(np.complex64)], Rfft2dOptions())


def test_refusals() -> None:
    refused(model([3, 4]), r"fft_length \[3, 4\] must be powers of two")
    refused(model([-4, 4]), "must be powers of two")
    # TFLite mistakes the transform of a single column.
    refused(model([4, 1]), "must be powers of two", theirs=False)
    refused(model([4]), "expected .2,.")
    refused(model([4, 4], (4,)), "two dimensions or more expected")
    refused(model([4, 4], dtype=np.int32), "no int32 kernel")

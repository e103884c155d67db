from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator


@st.composite
def modulus(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(1, 4)), dtype))
    result = Result(np.float32 if dtype is np.complex64 else np.float64)
    return OneOp(BuiltinOperator.COMPLEX_ABS, [x], [result], tolerance=1e-6)


CASES = movement.cases(modulus, "complex64", "complex128")
test_matches_reference = matches_reference(CASES)


def test_squares_do_not_overflow() -> None:
    x = Operand(np.array([3e38 + 1e38j, 1e-38j, 3 + 4j], np.complex64))
    assert check(OneOp(BuiltinOperator.COMPLEX_ABS, [x], [Result(np.float32)], tolerance=1e-6)) == 3


def test_refusals() -> None:
    x = Operand(np.zeros(2, np.complex64))
    refused(OneOp(BuiltinOperator.COMPLEX_ABS, [x], [Result(np.float64)]), "the result is FLOAT64, expected FLOAT32")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator


@st.composite
def part(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(1, 4)), dtype))
    result = Result(np.float32 if dtype is np.complex64 else np.float64)
    return OneOp(BuiltinOperator.IMAG, [x], [result])


CASES = movement.cases(part, "complex64", "complex128")
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    x = Operand(np.zeros(2, np.complex64))
    refused(OneOp(BuiltinOperator.IMAG, [x], [Result(np.float64)]), "the result is FLOAT64, expected FLOAT32")
    refused(OneOp(BuiltinOperator.IMAG, [Operand(np.zeros(2, np.float32))], [Result(np.float32)]), "no float32 kernel")

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.RIGHT_SHIFT


@st.composite
def shifted(draw: st.DrawFn, dtype: Any) -> OneOp:
    left, right = draw(strategies.broadcast_pair())
    low = 0 if np.dtype(dtype).kind == "u" else -3
    b = draw(st.one_of(strategies.integers(right, dtype, low, 40), strategies.integers(right, dtype)))
    return OneOp(CODE, [Operand(draw(strategies.integers(left, dtype))), Operand(b)], [Result(dtype)])


DTYPES = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
}
CASES = {name: shifted(dtype) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    a, b = np.array([-128, 7, 7], np.int8), np.array([1, -1, 100], np.int8)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int8)])
    assert check(case) == 3
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [-64, 7, 0]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8)), Operand(np.zeros(3, np.uint8))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

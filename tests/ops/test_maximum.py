from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.MAXIMUM
DTYPES = {
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": "bfloat16",
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
}
CASES = {name: binary(CODE, dtype) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_nan_loses_in_operand_0_and_wins_in_operand_1() -> None:
    a, b = np.array([np.nan, 1, np.nan, 0.0], np.float32), np.array([1, np.nan, np.nan, -0.0], np.float32)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(np.float32)])) == 4


def test_by_hand() -> None:
    a, b = np.array([1, -3], np.int8), np.array([2, -4], np.int8)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int8)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [2, -3]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8)), Operand(np.zeros(3, np.uint8))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

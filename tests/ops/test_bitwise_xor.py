from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.BITWISE_XOR
DTYPES = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
}
CASES = {name: binary(CODE, dtype, quantized=False) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    a, b = np.array([12, 255], np.uint8), np.array([10, 1], np.uint8)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.uint8)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [6, 254]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8)), Operand(np.zeros(3, np.uint8))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

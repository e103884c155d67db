from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.NEG
DTYPES = {
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": "bfloat16",
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
}
CASES = {name: unary(CODE, dtype, quantized=False) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    case = OneOp(CODE, [Operand(np.array([-128, 127, 0], np.int8))], [Result(np.int8)])
    assert check(case) == 3
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [-128, -127, 0]


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.uint8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

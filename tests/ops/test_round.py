from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.ROUND
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": "bfloat16"}
CASES = {name: unary(CODE, dtype, quantized=False, optimized=True) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    case = OneOp(
        CODE, [Operand(np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32))], [Result(np.float32)], optimized=True
    )
    assert check(case) == 5
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [0.0, 2.0, 2.0, 0.0, -2.0]


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

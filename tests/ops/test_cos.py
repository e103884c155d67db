from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.COS
DTYPES = {"float32": np.float32}
CASES = {name: unary(CODE, dtype, tolerance=1e-6) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    case = OneOp(CODE, [Operand(np.array([0.0], np.float32))], [Result(np.float32)])
    assert check(case) == 1
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [1.0]


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.LOGICAL_NOT
DTYPES = {"bool": np.bool_}
CASES = {name: unary(CODE, dtype, quantized=False) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    case = OneOp(CODE, [Operand(np.array([True, False], np.bool_))], [Result(np.bool_)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [False, True]


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.bool_))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

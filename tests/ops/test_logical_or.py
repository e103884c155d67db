from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.LOGICAL_OR
CASES = {"bool": binary(CODE, np.bool_)}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    a, b = np.array([True, True, False], np.bool_), np.array([True, False, False], np.bool_)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.bool_)])
    assert check(case) == 3
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [True, True, False]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.bool_)), Operand(np.zeros(3, np.int8))], [Result(np.bool_)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

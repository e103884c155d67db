from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests import comparison
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.NOT_EQUAL
CASES = comparison.cases(CODE, "bool", "string") | {"int16": comparison.quantized(CODE, np.int16)}
test_matches_reference = matches_reference(CASES)


def test_every_pair_of_int8_numbers() -> None:
    comparison.check_every_pair_of_int8_numbers(CODE)


def test_refusals() -> None:
    comparison.check_refusals(CODE)


def test_int16_without_scales_is_refused() -> None:
    x = Operand(np.zeros(3, np.int16))
    with pytest.raises(QCoreError, match="unwritten"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.bool_)]).model()).allocate_tensors()


def test_by_hand() -> None:
    comparison.check_by_hand(CODE, [True, False, True])

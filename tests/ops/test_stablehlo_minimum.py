from __future__ import annotations

import numpy as np

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import FLOATS, INTEGERS, binary
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.STABLEHLO_MINIMUM
CASES = movement.cases(lambda dtype: binary(CODE, dtype), *FLOATS, *INTEGERS)
test_matches_reference = matches_reference(CASES)


def test_nan_counts_in_the_first_operand_only() -> None:
    a = np.array([np.nan, 1, np.nan, -0.0, np.inf, -np.inf, 2], np.float32)
    b = np.array([1, np.nan, np.nan, 0.0, np.nan, np.nan, 1], np.float32)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(np.float32)])) == 7


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.int8), 0.5)
    refused(OneOp(CODE, [x, Operand(np.zeros(3, np.int8), 0.5)], [Result(np.int8, 0.5)]), "does not broadcast")

from __future__ import annotations

import numpy as np

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import FLOATS, INTEGERS, binary
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.STABLEHLO_MULTIPLY
CASES = movement.cases(lambda dtype: binary(CODE, dtype), *FLOATS, *INTEGERS)
test_matches_reference = matches_reference(CASES)


def test_products_wrap_and_scales_are_not_read() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    a, b = np.meshgrid(values, values)
    assert check(OneOp(CODE, [Operand(a, 0.5, 3), Operand(b, 0.25, -7)], [Result(np.int8, 0.1, 5)])) == 256 * 256


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    refused(OneOp(CODE, [x, Operand(np.zeros((2, 1), np.float32))], [Result(np.float32)]), "does not broadcast")

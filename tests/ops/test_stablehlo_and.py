from __future__ import annotations

import numpy as np

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import INTEGERS, binary
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.STABLEHLO_AND
CASES = movement.cases(lambda dtype: binary(CODE, dtype, optimized=True), *INTEGERS)
test_matches_reference = matches_reference(CASES)


def test_every_pair_of_bytes() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    a, b = np.meshgrid(values, values)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int8)], optimized=True)) == 256 * 256


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.int8))
    case = OneOp(CODE, [x, Operand(np.zeros(3, np.int8))], [Result(np.int8)], optimized=True)
    refused(case, "does not broadcast")
    # TFLite 2.21 ends the process for floats.
    floats = [Operand(np.zeros(3, np.float32))] * 2
    refused(OneOp(CODE, floats, [Result(np.float32)], optimized=True), "no float32 kernel", theirs=False)

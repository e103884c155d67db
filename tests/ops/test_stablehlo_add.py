from __future__ import annotations

import numpy as np

from qcore import Interpreter
from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import FLOATS, INTEGERS, binary
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.STABLEHLO_ADD
CASES = movement.cases(lambda dtype: binary(CODE, dtype), *FLOATS, *INTEGERS)
test_matches_reference = matches_reference(CASES)


def test_scales_are_not_read() -> None:
    a, b = np.array([100, -100, 7], np.int8), np.array([100, -100, 2], np.int8)
    case = OneOp(CODE, [Operand(a, 0.5, 3), Operand(b, 0.25, -7)], [Result(np.int8, 0.1, 5)])
    assert check(case) == 3
    assert Interpreter(case.model()).run([a, b])[0].tolist() == [-56, 56, 9]


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    refused(OneOp(CODE, [x, Operand(np.zeros(3, np.float32))], [Result(np.float32)]), "does not broadcast")
    refused(OneOp(CODE, [x, Operand(np.zeros((2, 3), np.int32))], [Result(np.float32)]), "must have one type")
    refused(OneOp(CODE, [Operand(np.zeros(2, np.complex64))] * 2, [Result(np.complex64)]), "no complex64 kernel")
    refused(OneOp(CODE, [x], [Result(np.float32)]), "1 operands")

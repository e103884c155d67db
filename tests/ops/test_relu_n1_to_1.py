from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.RELU_N1_TO_1
DTYPES = {"float32": np.float32, "int8": np.int8, "uint8": np.uint8}
CASES = {name: unary(CODE, dtype) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_every_int8_number_at_tie_rich_scales() -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    for x_scale, y_scale in ((0.5, 1.0), (1.0, 1.0), (0.25, 2.0), (3.0, 0.5)):
        check(OneOp(CODE, [Operand(x, x_scale, 3)], [Result(np.int8, y_scale, -128)]))


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8), 0.5)], [Result(np.uint8, 0.5)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()


def test_a_scale_of_zero_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8), 0.5)], [Result(np.int8, 0.0)])
    with pytest.raises(QCoreError, match="scale"):
        Interpreter(case.model()).allocate_tensors()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.ABS
CASES = {
    "float32": unary(CODE, np.float32),
    "int8": unary(CODE, np.int8),
    "int16": st.one_of(unary(CODE, np.int16), unary(CODE, np.int16, quantized=False)),
    "int32": unary(CODE, np.int32),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize(("x_scale", "y_scale"), [(0.5, 0.5), (0.5, 1.0), (1.0, 0.25)])
def test_every_int8_number(x_scale: float, y_scale: float) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, x_scale, 3)], [Result(np.int8, y_scale, -100)]))


def test_the_lowest_numbers_wrap() -> None:
    for dtype in (np.int16, np.int32):
        check(OneOp(CODE, [Operand(np.array([np.iinfo(dtype).min, -1], dtype))], [Result(dtype)]))


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int16))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

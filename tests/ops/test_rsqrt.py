from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import unary, zero_point_for
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.RSQRT


@st.composite
def quantized(draw: st.DrawFn, dtype: Any) -> OneOp:
    zero_point = draw(zero_point_for(dtype))
    shape = draw(strategies.shapes(draw(st.integers(0, 4)), 7))
    x = draw(strategies.integers(shape, dtype, low=zero_point))
    result = Result(dtype, draw(strategies.scales()), draw(zero_point_for(dtype)))
    return OneOp(CODE, [Operand(x, draw(strategies.scales()), zero_point)], [result])


CASES = {"float32": unary(CODE, np.float32), "int8": quantized(np.int8), "int16": quantized(np.int16)}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize(("x_scale", "y_scale"), [(0.25, 0.25), (1 / 64, 1 / 128), (0.1, 0.03)])
def test_every_number(x_scale: float, y_scale: float) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, x_scale, -128)], [Result(np.int8, y_scale, -128)]))
    wide = np.arange(0, 32768).astype(np.int16)
    check(OneOp(CODE, [Operand(wide, x_scale / 256)], [Result(np.int16, y_scale / 256)]))


def test_negative_numbers_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.array([5, -5], np.int8), 0.5, 0)], [Result(np.int8, 0.5)])
    with pytest.raises(QCoreError, match="square root of a negative number"):
        Interpreter(case.model()).run(case.feeds())


def test_another_result_type_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.int8)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

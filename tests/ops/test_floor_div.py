from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import binary, values
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.FLOOR_DIV


@st.composite
def nonzero(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Any:
    """Data without zeros: TFLite refuses them in operand 1."""
    x = draw(values(shape, dtype))
    return np.where(x == 0, dtype(3), x).astype(dtype)


DTYPES = {"float32": np.float32, "int8": np.int8, "int16": np.int16, "int32": np.int32}
CASES = {name: binary(CODE, dtype, data=nonzero, quantized=False) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_the_lowest_number_by_minus_one_wraps(dtype: Any) -> None:
    a, b = np.array([np.iinfo(dtype).min], dtype), np.array([-1], dtype)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(dtype)])) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.int16, np.int32])
def test_division_by_zero_is_refused(dtype: Any) -> None:
    case = OneOp(CODE, [Operand(np.ones(3, dtype)), Operand(np.array([1, 0, 2], dtype))], [Result(dtype)])
    with pytest.raises(QCoreError, match="division has no result"):
        Interpreter(case.model()).run(case.feeds())


def test_by_hand() -> None:
    a, b = np.array([7, -7], np.int32), np.array([2, 2], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [3, -4]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.int32)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

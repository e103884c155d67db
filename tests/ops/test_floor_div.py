from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from qcore.tflite import to_bytes
from tests import oracle
from tests.elementwise import binary, values
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.FLOOR_DIV


@st.composite
def nonzero(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Any:
    """Data without zeros, which TFLite refuses in operand 1, nor the lowest short integer, which cannot be negated."""
    x = draw(values(shape, dtype))
    lowest = dtype(0) if dtype in (np.float32, np.int32) else np.iinfo(dtype).min
    return np.where((x == 0) | (x == lowest), dtype(3), x).astype(dtype)


DTYPES = {"float32": np.float32, "int8": np.int8, "int16": np.int16, "int32": np.int32}
CASES = {name: binary(CODE, dtype, data=nonzero, quantized=False) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_the_lowest_int32_by_minus_one_wraps() -> None:
    a, b = np.full(20, -(2**31), np.int32), np.full(20, -1, np.int32)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)])) == 20


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_the_lowest_short_number_by_minus_one_depends_on_its_place(dtype: Any) -> None:
    lowest = np.iinfo(dtype).min
    a = np.full(20, lowest, dtype)
    case = OneOp(CODE, [Operand(a), Operand(np.full(20, -1, dtype))], [Result(dtype)])
    assert len(set(oracle.outputs(to_bytes(case.model()), case.feeds())[0].tolist())) == 2
    with pytest.raises(QCoreError, match="/ -1 has no"):
        Interpreter(case.model()).run(case.feeds())
    assert check(OneOp(CODE, [Operand(a), Operand(np.full(20, 3, dtype))], [Result(dtype)])) == 20


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

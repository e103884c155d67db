from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, PowOptions

CODE = BuiltinOperator.POW


@st.composite
def power(draw: st.DrawFn, dtype: Any) -> OneOp:
    left, right = draw(strategies.broadcast_pair())
    if draw(st.booleans()):
        right = (1,) * draw(st.integers(0, len(left)))
    if dtype is np.int32:
        a = draw(strategies.integers(left, np.int32, -40, 40))
        b = draw(strategies.integers(right, np.int32, 0, 34))
        return OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)], PowOptions())
    a = draw(strategies.floats(left, 2.0))
    if draw(st.booleans()):
        a = np.abs(a)
    b = draw(st.one_of(strategies.floats(right, 3.0), strategies.integers(right, np.int32, -3, 9)))
    return OneOp(CODE, [Operand(a), Operand(b.astype(np.float32))], [Result(np.float32)], PowOptions(), tolerance=1e-6)


CASES = {"float32": power(np.float32), "int32": power(np.int32)}
test_matches_reference = matches_reference(CASES)

EXTREMES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3.3e38, -3.3e38, 1e-40, -2.0, 0.5, 1.0], np.float32)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, 2.000001, 0.5, -1.0, -2.0, np.nan, np.inf, -np.inf, 3e9])
def test_extremes_with_one_exponent(exponent: float) -> None:
    case = OneOp(CODE, [Operand(EXTREMES), Operand(np.array([exponent], np.float32))], [Result(np.float32)])
    wide = OneOp(CODE, [Operand(EXTREMES), Operand(np.full(11, exponent, np.float32))], [Result(np.float32)])
    check(replace(case, options=PowOptions(), tolerance=1e-6))
    check(replace(wide, options=PowOptions(), tolerance=1e-6))


def test_negative_integer_exponents_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.ones(2, np.int32)), Operand(np.array([1, -1], np.int32))], [Result(np.int32)])
    with pytest.raises(QCoreError, match="must not be negative"):
        Interpreter(case.model()).run(case.feeds())


def test_by_hand() -> None:
    a, b = np.array([2, -3], np.int32), np.array([3, 3], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)], PowOptions())
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [8, -27]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.int32)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

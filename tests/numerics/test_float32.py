from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qcore.numerics import float32
from tests.numerics.models import half_away, to_float32

FLOAT = st.floats(-(2.0**40), 2.0**40, width=32)


@given(FLOAT, FLOAT, FLOAT)
@example(1.0, 1.0, 2.0**-24)
@example(1 + 2.0**-23, 1 + 2.0**-23, -(2.0**-60))
@example(1 + 2.0**-12, 1 + 2.0**-12, 2.0**-24)
@example(4097.0, 4097.0, 2.0**-30)
@example(3.0, 2.0**-25, 1.0)
@example(1.0, 2.0**-24, 1 + 2.0**-23)
@example(1.0, 2.0**-24, 1.0)
@example(1 + 2.0**-23, 2.0**-24, 1.0)
@example(0.0, 5.0, -0.0)
def test_fused_multiply_add_rounds_once(a: float, b: float, c: float) -> None:
    result = float32.fused_multiply_add(a, b, c)
    assert result.dtype == np.float32
    assert float(result) == to_float32(Fraction(a) * Fraction(b) + Fraction(c))


def test_rounding_twice_would_be_wrong_where_once_is_right() -> None:
    a, b, c = np.float32(1 + 2.0**-12), np.float32(2.0**-24), np.float32(1.0)  # 1 + 2^-24 + 2^-36: above a tie
    assert float(float32.fused_multiply_add(a, b, c)) == 1 + 2.0**-23
    low = np.float32(2.0**-40)  # 1 + 2^-24 + 2^-80 is a tie once float64 has rounded it
    tie = float32.fused_multiply_add(low, low, 0)
    assert float(tie) == 2.0**-80
    values = np.array([1 + 2.0**-23, 1.0], np.float32), np.array([2.0**-24 * (1 + 2.0**-23), 1.0], np.float32)
    expected = [to_float32(Fraction(float(x)) * Fraction(float(y)) + 1) for x, y in zip(*values, strict=True)]
    assert float32.fused_multiply_add(*values, 1.0).tolist() == expected


def test_sequential_sum_adds_from_the_left() -> None:
    x = np.random.default_rng(0).standard_normal((3, 1000, 2)).astype(np.float32)
    expected = np.zeros((3, 2), np.float32)
    for i in range(1000):
        expected = expected + x[:, i]
    result = float32.sequential_sum(x, 1)
    assert np.array_equal(result, expected)
    assert not np.array_equal(result, np.ascontiguousarray(x.swapaxes(1, 2)).sum(axis=-1))
    assert np.array_equal(float32.sequential_sum(x[:, :0], 1), np.zeros((3, 2), np.float32))


@given(st.floats(width=32))
@example(float("nan"))
@example(float("inf"))
@example(-(2.0**31))
@example(2.0**31)
@example(2147483520.0)
@example(-2147483904.0)
@example(-0.9)
def test_conversion_to_int32(x: float) -> None:
    inside = math.isfinite(x) and -(2**31) <= math.trunc(x) < 2**31
    assert float32.to_int32(np.array(x, np.float32)) == (math.trunc(x) if inside else -(2**31))
    nearest = round(x) if math.isfinite(x) else 2**40
    expected = nearest if -(2**31) <= nearest < 2**31 else -(2**31)
    assert float32.round_half_even_int32(np.array(x, np.float32)) == expected


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "sin", "cos", "sqrt"])
def test_functions_round_once(name: str) -> None:
    x = np.linspace(0.01, 9, 1001, dtype=np.float32)
    exact = getattr(math, name)
    result = getattr(float32, name)(x)
    assert result.dtype == np.float32
    assert result.tolist() == [float(np.float32(exact(float(v)))) for v in x]


def test_functions_outside_their_domain_are_silent() -> None:
    x = np.array([-1.0, 0.0, np.inf, -np.inf, np.nan, 200.0], np.float32)
    assert np.isnan(float32.log(x)[[0, 4]]).all()
    assert float32.log(x)[1] == -np.inf
    assert float32.exp(x)[[2, 3, 5]].tolist() == [np.inf, 0.0, np.inf]
    assert float32.logistic(x)[[2, 3, 5]].tolist() == [1.0, 0.0, 1.0]
    assert float32.rsqrt(x)[1] == np.inf


def test_logistic_rounds_every_step() -> None:
    x = np.linspace(-10, 10, 501, dtype=np.float32)
    for v, y in zip(x.tolist(), float32.logistic(x).tolist(), strict=True):
        e = float(np.float32(math.exp(-v)))
        assert y == to_float32(1 / Fraction(to_float32(1 + Fraction(e))))


@given(st.floats(2.0**-30, 2.0**30, width=32))
@example(1.0)
@example(2.0**-12)
@example(1.0005)
@example(1.0008)
def test_checked_log2(x: float) -> None:
    nearest, is_power = float32.checked_log2(x)
    exact = math.log2(x)
    if abs(abs(exact - math.trunc(exact)) - 0.5) > 1e-5:
        assert nearest == half_away(Fraction(exact))
    if abs(abs(exact - nearest) - 1e-3) > 1e-5:
        assert is_power == (abs(exact - nearest) < 1e-3)


@given(st.floats(-(2.0**126), 2.0**126, width=32))
def test_bfloat16_is_the_nearest_with_ties_to_even(x: float) -> None:
    bits = int(float32.to_bfloat16(np.array([x], np.float32))[0])
    nearest, *others = float32.from_bfloat16(np.array([bits, max(bits - 1, 0), bits + 1], np.uint16)).tolist()
    for other in (number for number in others if not math.isnan(number)):
        assert abs(nearest - x) < abs(other - x) or (abs(nearest - x) == abs(other - x) and bits % 2 == 0)


def test_bfloat16_keeps_nan_and_infinities() -> None:
    x = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)
    assert float32.to_bfloat16(x).tolist() == [0x7FC0, 0x7F80, 0xFF80, 0x8000]
    assert np.isnan(float32.from_bfloat16(np.array([0x7FC0], np.uint16)))[0]

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qcore.numerics import fixedpoint
from tests.numerics import models

INT32 = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from([-(2**31), -(2**31) + 1, -(2**30), -1, 0, 1, 2**30, 2**31 - 1]),
    st.integers(0, 30).flatmap(lambda e: st.integers(-3, 3).map(lambda d: 2**e + d)),
    st.integers(0, 30).flatmap(lambda e: st.integers(-3, 3).map(lambda d: -(2**e) + d)),
).map(lambda v: max(-(2**31), min(2**31 - 1, v)))
SHIFT = st.integers(-31, 31)
MULTIPLIER = st.one_of(
    st.integers(2**30, 2**31 - 1),
    st.sampled_from([0, 2**30, 2**30 + 1, 3 * 2**29, 2**31 - 1, 0x7FFF0000, 0x7FFEFFFF, 0x7FFF8000]),
)
REAL = st.one_of(
    st.floats(2**-40, 2**30),
    st.integers(-40, 30).map(lambda e: 2.0**e),
    st.integers(1, 200).map(lambda k: k / 64),
    st.integers(-33, 30).map(lambda e: (1 - 2**-33) * 2.0**e),
    st.just(0.0),
)


@given(st.floats(width=32, allow_nan=False))
@example(0.49999997)
@example(-0.49999997)
@example(8388609.0)
@example(4194304.5)
@example(-0.5)
@example(float("inf"))
def test_round_half_away_float32(value: float) -> None:
    result = fixedpoint.round_half_away(np.array([value], np.float32))
    assert result.dtype == np.float32
    assert result[0] == (value if np.isinf(value) else models.half_away(Fraction(value)))


@given(st.floats(allow_nan=False))
@example(0.49999999999999994)
@example(-4503599627370495.5)
@example(4503599627370497.0)
def test_round_half_away_float64(value: float) -> None:
    result = fixedpoint.round_half_away(np.array([value], np.float64))
    assert result.dtype == np.float64
    assert result[0] == (value if np.isinf(value) else models.half_away(Fraction(value)))


def test_round_half_away_keeps_nan_and_the_sign_of_zero() -> None:
    result = fixedpoint.round_half_away(np.array([np.nan, -0.25], np.float32))
    assert np.isnan(result[0])
    assert np.signbit(result[1])


@given(st.lists(REAL, min_size=1, max_size=8))
@example([1.0, 0.5, 1 - 2**-33, 2.0**-32, 2.0**-33, -0.75])
def test_quantize_multipliers(reals: list[float]) -> None:
    multiplier, shift = fixedpoint.quantize_multipliers(reals)
    assert multiplier.dtype == shift.dtype == np.int32
    expected = [models.quantize_multiplier(r) for r in reals]
    assert list(zip(multiplier.tolist(), shift.tolist(), strict=True)) == expected
    assert fixedpoint.quantize_multiplier(reals[0]) == expected[0]


@pytest.mark.parametrize("real", [float("inf"), float("nan"), 2.0**31])
def test_quantize_multiplier_refuses(real: float) -> None:
    with pytest.raises(ValueError, match="multiplier"):
        fixedpoint.quantize_multiplier(real)


@given(st.integers(-(2**63), 2**63 - 1))
def test_wrap(value: int) -> None:
    assert fixedpoint.wrap_int32(value) == models.wrap(value, 32)
    assert fixedpoint.wrap_int16(value) == models.wrap(value, 16)


@given(INT32, INT32)
@example(-(2**31), -(2**31))
@example(-1, 2**30)
@example(1, 2**30)
def test_saturating_rounding_doubling_high_mul(a: int, b: int) -> None:
    assert fixedpoint.saturating_rounding_doubling_high_mul(a, b) == models.srdhm(a, b)


@given(INT32, st.integers(0, 31))
@example(-3, 1)
@example(3, 1)
def test_rounding_shifts(x: int, exponent: int) -> None:
    assert fixedpoint.rounding_divide_by_pot(x, exponent) == models.rdbypot(x, exponent)
    assert fixedpoint.rounding_shift_half_up(x, exponent) == models.half_up(Fraction(x, 2**exponent))


@given(st.lists(INT32, min_size=1, max_size=6), MULTIPLIER, SHIFT)
@example([-(2**31), 2**31 - 1, -1, 1], 2**31 - 1, -31)
@example([-1, -3, -5, 1, 3], 2**30, -1)
def test_multiply_by_quantized_multiplier(xs: list[int], q: int, s: int) -> None:
    x = np.array(xs)
    for function, model in (
        (fixedpoint.multiply_by_quantized_multiplier, models.double_rounding),
        (fixedpoint.multiply_by_quantized_multiplier_half_up, models.vector_half_up),
        (fixedpoint.multiply_by_quantized_multiplier_ruy_x86, models.ruy_x86),
    ):
        assert function(x, q, s).tolist() == [model(v, q, s) for v in xs]
    if s <= 30:
        single = fixedpoint.multiply_by_quantized_multiplier_single_rounding(x, q, s)
        assert single.tolist() == [models.single_rounding(v, q, s) for v in xs]
    if s <= 0:
        smaller = fixedpoint.multiply_by_quantized_multiplier_smaller_than_one_exp(x, q, s)
        assert smaller.tolist() == [models.rdbypot(models.srdhm(v, q), -s) for v in xs]
    else:
        greater = fixedpoint.multiply_by_quantized_multiplier_greater_than_one(x, q, s)
        assert greater.tolist() == [models.srdhm(models.wrap(v << s, 32), q) for v in xs]


@given(st.lists(st.integers(-(2**47), 2**47 - 1), min_size=1, max_size=6), MULTIPLIER, st.integers(-31, 14))
@example([-(2**63), 2**63 - 1], 2**31 - 1, 7)
def test_multiply_by_quantized_multiplier_int64(xs: list[int], q: int, s: int) -> None:
    result = fixedpoint.multiply_by_quantized_multiplier_int64(np.array(xs), q, s)
    assert result.tolist() == [models.int64_accumulator(v, q, s) for v in xs]


def test_multiplier_and_shift_broadcast() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-(2**31), 2**31, (5, 4, 7))
    q, s = rng.integers(2**30, 2**31, 7), rng.integers(-31, 8, 7)
    y = fixedpoint.multiply_by_quantized_multiplier(x, q, s)
    assert y.shape == x.shape
    for channel in range(7):
        expected = fixedpoint.multiply_by_quantized_multiplier(x[..., channel], q[channel], s[channel])
        assert np.array_equal(y[..., channel], expected)


@given(st.integers(-(2**31), 2**32 - 1))
@example(0)
@example(1)
@example(2**31)
@example(-1)
def test_count_leading_zeros_32(x: int) -> None:
    assert fixedpoint.count_leading_zeros_32(x) == 32 - (x % 2**32).bit_length()

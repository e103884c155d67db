from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qcore.numerics import gemmlowp
from tests.numerics import models
from tests.numerics.models import rdbypot, saturating_left_shift, srdhm, wrap

BARREL = ((-2, 1672461947), (-1, 1302514674), (0, 790015084), (1, 290630308), (2, 39332535), (3, 720401), (4, 242))


class Scalar:
    """gemmlowp's functions on one Python integer, for 16 or 32 bits."""

    def __init__(self, bits: int) -> None:
        self.bits, self.top = bits, 2 ** (bits - 1)

    def constant(self, value: int) -> int:
        return rdbypot(value, 32 - self.bits)

    def mul(self, a: int, b: int) -> int:
        return srdhm(a, b, self.bits)

    def add(self, a: int, b: int) -> int:
        return wrap(a + b, self.bits)

    def exp(self, a: int, integer_bits: int) -> int:
        if a == 0:
            return self.top - 1
        fractional = self.bits - 1 - integer_bits
        if integer_bits > 5 and a < self.constant(-(1 << (36 - integer_bits))):
            return 0
        quarter = 1 << (fractional - 2)
        rest = (a & (quarter - 1)) - quarter
        term, third = self.constant(1895147668), self.constant(715827883)
        scaled = saturating_left_shift(rest, integer_bits, self.bits) if integer_bits else rest
        x = self.add(scaled, 1 << (self.bits - 4))
        x2 = self.mul(x, x)
        x3, x4 = self.mul(x2, x), self.mul(x2, x2)
        series = rdbypot(self.add(self.mul(self.add(rdbypot(x4, 2), x3), third), x2), 1)
        result = term + self.mul(term, self.add(x, series))
        result = max(-self.top, min(self.top - 1, result)) if self.bits == 16 else wrap(result, 32)
        remainder = wrap(rest - a, self.bits)
        for exponent, factor in BARREL:
            if integer_bits > exponent and remainder & (1 << (fractional + exponent)):
                result = self.mul(result, self.constant(factor))
        return result

    def newton(self, a: int) -> int:
        half = models.truncating_division(a + self.top - 1 + 1, 2)
        x = self.add(self.constant(1515870810), self.mul(half, self.constant(-1010580540)))
        for _ in range(3):
            error = self.add(1 << (self.bits - 3), -self.mul(half, x))
            x = self.add(x, saturating_left_shift(self.mul(x, error), 2, self.bits))
        return x

    def reciprocal(self, a: int) -> int:
        return saturating_left_shift(self.newton(a), 1, self.bits)

    def logistic(self, a: int, integer_bits: int) -> int:
        if a == 0:
            return self.top // 2
        positive = self.reciprocal(self.exp(wrap(-abs(a), self.bits), integer_bits))
        return positive if a > 0 else wrap(self.top - 1 - positive, self.bits)

    def tanh(self, a: int, integer_bits: int) -> int:
        if a == 0:
            return 0
        x = self.newton(self.exp(wrap(-abs(a), self.bits), integer_bits + 1))
        t = saturating_left_shift(self.add(x, -(1 << (self.bits - 3))), 2, self.bits)
        return t if a > 0 else wrap(-t, self.bits)


INT32 = st.integers(-(2**31) + 1, 2**31 - 1)
SCALAR16, SCALAR32 = Scalar(16), Scalar(32)


@given(st.integers(-(2**31), 0), st.integers(0, 10))
@example(0, 5)
@example(-(2**31), 5)
@example(-1, 0)
@example(-(2**28), 5)
@example(-(2**28) - 1, 8)
def test_exp_on_negative_values(a: int, integer_bits: int) -> None:
    assert gemmlowp.exp_on_negative_values(a, integer_bits) == SCALAR32.exp(a, integer_bits)


def test_exp_is_the_exponential() -> None:
    a = -np.arange(0, 2**31, 999983)
    exact = np.exp(a / 2.0**26)
    assert np.abs(gemmlowp.exp_on_negative_values(a, 5) / 2.0**31 - exact).max() < 3e-7


@given(st.integers(0, 2**31 - 1))
@example(0)
@example(2**31 - 1)
def test_one_over_one_plus_x(a: int) -> None:
    result = int(gemmlowp.one_over_one_plus_x_for_x_in_0_1(a))
    assert result == SCALAR32.reciprocal(a)
    assert abs(result / 2**31 - 1 / (1 + a / 2**31)) < 1e-8


@given(st.integers(1, 2**31 - 1), st.integers(0, 20))
@example(1, 12)
@example(2**31 - 1, 12)
@example(2**30, 12)
def test_get_reciprocal(x: int, integer_bits: int) -> None:
    reciprocal, num_bits = gemmlowp.get_reciprocal(x, integer_bits)
    headroom = 32 - x.bit_length()
    assert num_bits == integer_bits - headroom
    assert reciprocal == SCALAR32.reciprocal(wrap((x << headroom) - 2**31, 32))
    real = x / 2.0 ** (31 - integer_bits)
    assert math.isclose(int(reciprocal) / 2.0**31 * 2.0 ** -int(num_bits), 1 / real, rel_tol=1e-7)


def inverse_sqrt_model(value: int) -> tuple[int, int]:
    if value <= 1:
        return 2**31 - 1, 0
    shift = 11
    while value >= 2**29:
        value //= 4
        shift += 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    shift -= pairs
    value <<= 2 * pairs
    half, three_halves, x = rdbypot(value >> 1, 1), 2**28 + 2**27, 2**28
    for _ in range(5):
        cube = saturating_left_shift(srdhm(srdhm(x, x), x), 6)
        x = saturating_left_shift(wrap(srdhm(three_halves, x) - srdhm(half, cube), 32), 3)
    x = srdhm(x, 1518500250)
    if shift < 0:
        x, shift = wrap(x << -shift, 32), 0
    return x, -shift


@given(st.integers(0, 2**31 - 1) | st.integers(0, 300) | st.integers(0, 30).map(lambda e: 2**e))
@example(0)
@example(1)
@example(2)
@example(2**29)
@example(2**29 - 1)
@example(2**31 - 1)
def test_inverse_sqrt_quantized_multiplier(value: int) -> None:
    multiplier, shift = gemmlowp.inverse_sqrt_quantized_multiplier(np.array([value]))
    assert (int(multiplier[0]), int(shift[0])) == inverse_sqrt_model(value)
    if value > 1:
        assert math.isclose(int(multiplier[0]) / 2**31 * 2.0 ** int(shift[0]), value**-0.5, rel_tol=1e-5)


@given(INT32, st.integers(0, 8))
@example(0, 4)
@example(1, 4)
@example(-1, 4)
def test_int32_logistic_and_tanh(a: int, integer_bits: int) -> None:
    assert gemmlowp.logistic_int32(a, integer_bits) == SCALAR32.logistic(a, integer_bits)
    assert gemmlowp.tanh_int32(a, integer_bits) == SCALAR32.tanh(a, integer_bits)


@pytest.mark.parametrize("integer_bits", range(7))
def test_int16_functions_on_every_value(integer_bits: int) -> None:
    a = np.concatenate([np.arange(-32768, 32768, 37), [-32768, -32767, -1, 0, 1, 32766, 32767]])
    values = a.tolist()
    logistic, tanh = gemmlowp.logistic_int16(a, integer_bits), gemmlowp.tanh_int16(a, integer_bits)
    assert logistic.tolist() == [SCALAR16.logistic(v, integer_bits) for v in values]
    assert tanh.tolist() == [SCALAR16.tanh(v, integer_bits) for v in values]
    exponential = gemmlowp.exp16(a[a <= 0], integer_bits)
    assert exponential.tolist() == [SCALAR16.exp(v, integer_bits) for v in values if v <= 0]
    inside = a[np.abs(a) < 32768]
    assert np.abs(gemmlowp.tanh_int16(inside, 3) / 32768 - np.tanh(inside / 4096)).max() < 5e-4


@given(st.integers(-32768, 32767), st.integers(-32768, 32767))
@example(-32768, -32768)
@example(-1, 2**14)
@example(1, 2**14)
def test_saturating_rounding_multiply_int16(a: int, b: int) -> None:
    assert gemmlowp.saturating_rounding_multiply_int16(a, b) == srdhm(a, b, 16)


@given(st.integers(-32768, 32767), st.integers(0, 15))
@example(-2, 2)
@example(2, 2)
def test_rounding_divide_by_pot_int16_rounds_halves_away(x: int, exponent: int) -> None:
    half = (1 << exponent) >> 1
    expected = (abs(x) + half) >> exponent
    assert gemmlowp.rounding_divide_by_pot_int16(x, exponent) == (expected if x >= 0 else -expected)


@given(st.integers(-32768, 32767), st.integers(16, 31))
def test_rounding_divide_by_pot_int16_beyond_its_register(x: int, exponent: int) -> None:
    assert gemmlowp.rounding_divide_by_pot_int16(x, exponent) == (1 if x >= 0 else -1)


@given(INT32, st.integers(0, 31))
@example(2**30, 1)
@example(-(2**30), 1)
@example(-(2**30) - 1, 1)
def test_saturating_left_shift(x: int, exponent: int) -> None:
    expected = saturating_left_shift(x, exponent) if exponent else x
    assert gemmlowp.saturating_left_shift(x, exponent) == expected

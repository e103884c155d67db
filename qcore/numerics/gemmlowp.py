"""Transcendental functions in fixed point, as gemmlowp defines them.

A number with `integer_bits` m is a raw integer r standing for r / 2^(31 - m) (int32) or r / 2^(15 - m) (int16); Q0.31
and Q0.15 are m = 0. Functions take and return raw integers as int64 arrays.
gemmlowp: fixedpoint/fixedpoint.h. TFLite: kernels/internal/common.h
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qcore.numerics.fixedpoint import (
    INT32_MAX,
    Int64Array,
    count_leading_zeros_32,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int16,
    wrap_int32,
)

INT16_MAX = 2**15 - 1

# Q0.31 constants: exp(-1/8), 1/3, and exp(-2^e) for e = -2 ... 4.
_EXP_MINUS_ONE_EIGHTH, _ONE_THIRD = 1895147668, 715827883
_EXP_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
# Q2.29 constants of the Newton-Raphson division: 48/17 and -32/17.
_FORTY_EIGHT_OVER_17, _MINUS_32_OVER_17 = 1515870810, -1010580540
_HALF_SQRT_2 = 1518500250

_mul = saturating_rounding_doubling_high_mul


def saturating_left_shift(x: ArrayLike, exponent: ArrayLike, bits: int = 32) -> Int64Array:
    """Product x * 2^exponent, saturated to `bits` bits (SaturatingRoundingMultiplyByPOT with a positive exponent)."""
    limit = 2 ** (bits - 1)
    shifted = np.left_shift(np.asarray(x, np.int64), exponent)
    return np.asarray(np.clip(shifted, -limit, limit - 1), np.int64)


def exp_on_interval_between_negative_one_quarter_and_0_excl(a: ArrayLike) -> Int64Array:
    """exp(a) for raw Q0.31 a in [-1/4, 0): Taylor series around -1/8."""
    x = wrap_int32(np.asarray(a, np.int64) + (1 << 28))
    x2 = _mul(x, x)
    x3 = _mul(x2, x)
    x4 = _mul(x2, x2)
    series = rounding_divide_by_pot(_mul(rounding_divide_by_pot(x4, 2) + x3, _ONE_THIRD) + x2, 1)
    return _EXP_MINUS_ONE_EIGHTH + _mul(_EXP_MINUS_ONE_EIGHTH, x + series)


def exp_on_negative_values(a: ArrayLike, integer_bits: int) -> Int64Array:
    """exp(a) in Q0.31 for raw int32 a <= 0 with `integer_bits` integer bits.

    a = -(multiple of 1/4) + rest; the series gives exp(rest), one factor exp(-2^e) per set bit of the multiple.
    """
    a = np.asarray(a, np.int64)
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    result = exp_on_interval_between_negative_one_quarter_and_0_excl(saturating_left_shift(rest, integer_bits))
    multiple = wrap_int32(rest - a)
    for exponent, factor in zip(range(-2, 5), _EXP_MINUS_POWERS, strict=True):
        if integer_bits > exponent:
            result = np.where(multiple & (1 << (fractional_bits + exponent)), _mul(result, factor), result)
    if integer_bits > 5:
        result = np.where(a < -(1 << (36 - integer_bits)), 0, result)
    return np.where(a == 0, INT32_MAX, result)


def _half_reciprocal(a: ArrayLike) -> Int64Array:
    """2 / (1 + a) in Q2.29 for raw Q0.31 a in [0, 1): three Newton-Raphson steps."""
    half_denominator = (np.asarray(a, np.int64) + INT32_MAX + 1) >> 1
    x = _FORTY_EIGHT_OVER_17 + _mul(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = wrap_int32((1 << 29) - _mul(half_denominator, x))
        x = wrap_int32(x + saturating_left_shift(_mul(x, error), 2))
    return x


def one_over_one_plus_x_for_x_in_0_1(a: ArrayLike) -> Int64Array:
    """1 / (1 + a) in Q0.31 for raw Q0.31 a in [0, 1)."""
    return saturating_left_shift(_half_reciprocal(a), 1)


def logistic_int32(a: ArrayLike, integer_bits: int) -> Int64Array:
    """1 / (1 + exp(-a)) in Q0.31 for raw int32 a."""
    a = np.asarray(a, np.int64)
    positive = one_over_one_plus_x_for_x_in_0_1(exp_on_negative_values(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, INT32_MAX - positive))


def tanh_int32(a: ArrayLike, integer_bits: int) -> Int64Array:
    """tanh(a) in Q0.31 for raw int32 a: (1 - e) / (1 + e) with e = exp(-2 |a|), and the sign of a."""
    a = np.asarray(a, np.int64)
    exponential = exp_on_negative_values(-np.abs(a), integer_bits + 1)  # one integer bit more is the factor 2
    magnitude = saturating_left_shift(_half_reciprocal(exponential) - (1 << 29), 2)
    return np.asarray(np.sign(a) * magnitude, np.int64)


def get_reciprocal(x: ArrayLike, integer_bits: int) -> tuple[Int64Array, Int64Array]:
    """(reciprocal, num_bits): 1 / x = reciprocal / 2^31 * 2^-num_bits, reciprocal in Q0.31 (GetReciprocal, common.h).

    x: raw int32 > 0 with `integer_bits` integer bits.
    """
    x = np.asarray(x, np.int64)
    headroom = count_leading_zeros_32(x)
    fraction = wrap_int32((x << headroom) - (1 << 31))
    return one_over_one_plus_x_for_x_in_0_1(fraction), integer_bits - headroom


def inverse_sqrt_quantized_multiplier(x: ArrayLike) -> tuple[Int64Array, Int64Array]:
    """(multiplier, shift) of 1 / sqrt(x) for int32 x >= 0 (GetInvSqrtQuantizedMultiplierExp with reverse_shift = -1).

    Five Newton-Raphson steps in Q3.28 on x scaled by a power of four into [2^27, 2^29). 0 and 1 give (INT32_MAX, 0).
    """
    x = np.asarray(x, np.int64)
    right_pairs = np.maximum(0, (31 - count_leading_zeros_32(x)) - 27) // 2  # divisions by 4 until x < 2^29
    scaled = np.maximum(x, 2) >> (2 * right_pairs)
    left_pairs = (count_leading_zeros_32(scaled) - 1) // 2 - 1
    scaled = scaled << (2 * left_pairs)
    shift = 11 + right_pairs - left_pairs
    half_input = rounding_divide_by_pot(scaled >> 1, 1)
    three_halves = (1 << 28) + (1 << 27)
    y = np.full_like(scaled, 1 << 28)
    for _ in range(5):
        cube = saturating_left_shift(_mul(_mul(y, y), y), 6)
        y = saturating_left_shift(wrap_int32(_mul(three_halves, y) - _mul(half_input, cube)), 3)
    y = wrap_int32(_mul(y, _HALF_SQRT_2) << np.maximum(-shift, 0))
    trivial = x <= 1
    return np.where(trivial, INT32_MAX, y), np.where(trivial, 0, -np.maximum(shift, 0))


# --- int16: the same algorithms on 15 fractional bits ---


def saturating_rounding_multiply_int16(a: ArrayLike, b: ArrayLike) -> Int64Array:
    """floor((a * b + 2^14) / 2^15) of int16 numbers: halves go up. INT16_MIN squared saturates to INT16_MAX."""
    return np.asarray(np.minimum((np.multiply(a, b, dtype=np.int64) + (1 << 14)) >> 15, INT16_MAX), np.int64)


def rounding_divide_by_pot_int16(x: ArrayLike, exponent: int) -> Int64Array:
    """The integer nearest to x / 2^exponent, halves away from zero, of int16 numbers in int16 registers.

    From exponent 16 on, gemmlowp's mask 2^exponent - 1 wraps to -1 in 16 bits, and the result is 1 for x >= 0 and -1
    for x < 0, where 0 would be right. TFLite's HARD_SWISH shows this where the result's scale is far the larger one.
    """
    values = np.asarray(x, np.int64)
    mask = int(wrap_int16((1 << exponent) - 1))
    return np.asarray((values >> exponent) + ((values & mask) > ((mask >> 1) + (values < 0))), np.int64)


def _constant_int16(q31: int) -> int:
    return int(rounding_divide_by_pot(q31, 16))


_mul16 = saturating_rounding_multiply_int16


def exp16(a: ArrayLike, integer_bits: int) -> Int64Array:
    """exp(a) in Q0.15 for raw int16 a <= 0 with `integer_bits` integer bits; see `exp_on_negative_values`."""
    a = np.asarray(a, np.int64)
    fractional_bits = 15 - integer_bits
    quarter = 1 << max(fractional_bits - 2, 0)
    rest = (a & (quarter - 1)) - quarter
    constant = _constant_int16(_EXP_MINUS_ONE_EIGHTH)
    x = wrap_int16(saturating_left_shift(rest, integer_bits, 16) + (1 << 12))
    x2 = _mul16(x, x)
    x3 = _mul16(x2, x)
    x4 = _mul16(x2, x2)
    inner = wrap_int16(rounding_divide_by_pot(x4, 2) + x3)
    series = rounding_divide_by_pot(wrap_int16(_mul16(inner, _constant_int16(_ONE_THIRD)) + x2), 1)
    result = np.clip(constant + _mul16(constant, wrap_int16(x + series)), -INT16_MAX - 1, INT16_MAX)
    multiple = wrap_int16(rest - a)
    for exponent, factor in zip(range(-2, 5), _EXP_MINUS_POWERS, strict=True):
        if integer_bits > exponent:
            bit = 1 << (fractional_bits + exponent)
            result = np.where(multiple & bit, _mul16(result, _constant_int16(factor)), result)
    if integer_bits > 5:
        result = np.where(a < _constant_int16(-(1 << (36 - integer_bits))), 0, result)
    return np.where(a == 0, INT16_MAX, result)


def _half_reciprocal16(a: Int64Array) -> Int64Array:
    """2 / (1 + a) in Q2.13 for raw Q0.15 a in [0, 1)."""
    half_denominator = (a + INT16_MAX + 1) >> 1
    x = wrap_int16(_constant_int16(_FORTY_EIGHT_OVER_17) + _mul16(half_denominator, _constant_int16(_MINUS_32_OVER_17)))
    for _ in range(3):
        error = wrap_int16((1 << 13) - _mul16(half_denominator, x))
        x = wrap_int16(x + saturating_left_shift(_mul16(x, error), 2, 16))
    return x


def logistic_int16(a: ArrayLike, integer_bits: int = 3) -> Int64Array:
    """1 / (1 + exp(-a)) in Q0.15 for raw int16 a with `integer_bits` integer bits."""
    a = np.asarray(a, np.int64)
    magnitude = wrap_int16(np.where(a > 0, a, -a))
    exponential = exp16(wrap_int16(-magnitude), integer_bits)
    positive = saturating_left_shift(_half_reciprocal16(exponential), 1, 16)
    return np.where(a == 0, 1 << 14, np.where(a > 0, positive, wrap_int16(INT16_MAX - positive)))


def tanh_int16(a: ArrayLike, integer_bits: int = 3) -> Int64Array:
    """tanh(a) in Q0.15 for raw int16 a with `integer_bits` integer bits."""
    a = np.asarray(a, np.int64)
    negative = wrap_int16(np.where(a < 0, a, -a))
    exponential = exp16(negative, integer_bits + 1)  # one integer bit more is the factor 2
    magnitude = saturating_left_shift(wrap_int16(_half_reciprocal16(exponential) - (1 << 13)), 2, 16)
    return np.where(a == 0, 0, np.where(a < 0, wrap_int16(-magnitude), magnitude))

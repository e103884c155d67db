"""Fixed-point primitives: quantized multipliers, high multiplication, rounding shifts.

A real multiplier M is held as an int32 `multiplier` q and a `shift` s:  M ~ q * 2^(s - 31),  2^30 <= q < 2^31.
Every function takes integers (scalars or arrays that broadcast) and returns int64 arrays holding the exact result.
TFLite: kernels/internal/common.cc, kernels/internal/quantization_util.cc; gemmlowp/fixedpoint/fixedpoint.h
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    from numpy._core import umath
except ImportError:  # NumPy 1
    from numpy.core import umath  # type: ignore[no-redef]

# np.clip without the checks of its arguments, which cost as much as clipping thousands of numbers.
clip: Any = getattr(umath, "clip", np.clip)

Int64Array = NDArray[np.int64]
FloatT = TypeVar("FloatT", np.float32, np.float64)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

# Sign bit, and the bits of the largest number below 1/2: adding that never carries a value past the next integer.
_BELOW_HALF = {
    np.dtype(np.float32): (np.int32, np.int32(-(2**31)), np.nextafter(np.float32(0.5), np.float32(0)).view(np.int32)),
    np.dtype(np.float64): (np.int64, np.int64(-(2**63)), np.nextafter(np.float64(0.5), np.float64(0)).view(np.int64)),
}


def round_half_away(x: NDArray[FloatT] | FloatT) -> NDArray[FloatT]:
    """C round(): nearest integer, halves away from zero; float32 or float64, the dtype is kept.

    y = trunc(x + copysign(p, x)), p the number before 0.5, is exact; x + 0.5 is not (0.49999997 would become 1).
    """
    values = np.asarray(x)
    integer, sign, below_half = _BELOW_HALF[values.dtype]
    bits = np.asarray(values.view(integer) & sign)  # np.copysign, several times faster
    bits |= below_half
    y: NDArray[FloatT] = np.asarray(bits.view(values.dtype))
    y += values
    return np.trunc(y, out=y)


def wrap_int32(x: ArrayLike) -> Int64Array:
    """What an int32 register keeps: x modulo 2^32, in [-2^31, 2^31)."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


def wrap_int16(x: ArrayLike) -> Int64Array:
    """What an int16 register keeps: x modulo 2^16, in [-2^15, 2^15)."""
    return np.asarray(x, np.int64).astype(np.int16).astype(np.int64)


def quantize_multipliers(real: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Real multipliers as (multiplier, shift), QuantizeMultiplier of quantization_util.cc.

    (m, s) = frexp(M), |m| in [1/2, 1);  q = round(m * 2^31);  q == 2^31 becomes (2^30, s + 1);  s < -31 becomes (0, 0).

    Raises ValueError for a multiplier that is not finite or needs a shift above 31, which TFLite leaves undefined.
    """
    values = np.asarray(real, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"quantized multiplier of a number that is not finite: {values[~np.isfinite(values)][0]}")
    mantissa, shift = np.frexp(values)
    quantized = round_half_away(mantissa * 2.0**31).astype(np.int64)
    carry = quantized == 2**31
    quantized = np.where(carry, 2**30, quantized)
    shift = shift + carry
    vanishes = shift < -31
    if (shift > 31).any():
        raise ValueError(f"multiplier {values.max()} is too large for a 32-bit left shift")
    return np.where(vanishes, 0, quantized).astype(np.int32), np.where(vanishes, 0, shift).astype(np.int32)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """One real multiplier as (multiplier, shift); see `quantize_multipliers`."""
    multiplier, shift = quantize_multipliers(real)
    return int(multiplier), int(shift)


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> Int64Array:
    """floor((a * b + 2^30) / 2^31) of int32 numbers: halves go up. INT32_MIN squared saturates to INT32_MAX.

    gemmlowp writes it with a nudge that follows the sign and a truncating division; the two forms are equal.
    """
    product = np.multiply(a, b, dtype=np.int64)
    return np.asarray(np.minimum((product + (1 << 30)) >> 31, INT32_MAX), np.int64)


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> Int64Array:
    """The integer nearest to x / 2^exponent, halves away from zero; 0 <= exponent <= 62."""
    values = np.asarray(x, np.int64)
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return np.asarray((values + half - ((values < 0) & (half > 0))) >> exponent, np.int64)


def rounding_shift_half_up(x: ArrayLike, exponent: ArrayLike) -> Int64Array:
    """floor(x / 2^exponent + 1/2): nearest integer, halves up; 0 <= exponent <= 62."""
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return np.asarray((np.asarray(x, np.int64) + half) >> exponent, np.int64)


def shift_left_int32(x: ArrayLike, exponent: ArrayLike) -> Int64Array:
    """What an int32 register keeps of x * 2^exponent (it wraps); 0 <= exponent <= 31."""
    return wrap_int32(np.left_shift(np.asarray(x, np.int64), exponent))


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64Array:
    """Product of int32 x and M, rounded twice (MultiplyByQuantizedMultiplier, 32 bit, common.cc).

    y = rounding_divide_by_pot(srdhm(wrap32(x << max(s, 0)), q), max(-s, 0))
    """
    return rounding_divide_by_pot(_scaled(x, multiplier, shift), np.maximum(np.negative(shift), 0))


def multiply_by_quantized_multiplier_half_up(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64Array:
    """As `multiply_by_quantized_multiplier`, but the second rounding takes halves up (the ...4Rows vector code)."""
    return rounding_shift_half_up(_scaled(x, multiplier, shift), np.maximum(np.negative(shift), 0))


def _scaled(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64Array:
    return saturating_rounding_doubling_high_mul(shift_left_int32(x, np.maximum(shift, 0)), multiplier)


def multiply_by_quantized_multiplier_smaller_than_one_exp(
    x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike
) -> Int64Array:
    """rounding_divide_by_pot(srdhm(x, q), -s) for s <= 0."""
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(x, multiplier), np.negative(shift))


def multiply_by_quantized_multiplier_greater_than_one(
    x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike
) -> Int64Array:
    """srdhm(wrap32(x << s), q) for s >= 0."""
    return saturating_rounding_doubling_high_mul(shift_left_int32(x, shift), multiplier)


def multiply_by_quantized_multiplier_single_rounding(
    x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike
) -> Int64Array:
    """wrap32(floor(x * M + 1/2)) of int32 x, s <= 30: one rounding, halves up (ruy on ARM, TFLITE_SINGLE_ROUNDING)."""
    total = 31 - np.asarray(shift, np.int64)
    product = np.multiply(x, multiplier, dtype=np.int64)
    return wrap_int32((product + (np.int64(1) << (total - 1))) >> total)


def multiply_by_quantized_multiplier_ruy_x86(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64Array:
    """The 8-bit kernels of ruy for AVX2 and AVX-512.

    v = (wrap32(x << l) * q + 2^30) >> 31;  n = 2^(r - 1), 0 if r = 0;  y = (v + n) >> r, but 2^(31 - r) where v + n
    leaves int32. l = max(s, 0), r = max(-s, 0).
    """
    right = np.maximum(np.negative(np.asarray(shift, np.int64)), 0)
    product = np.multiply(shift_left_int32(x, np.maximum(shift, 0)), multiplier, dtype=np.int64)
    value = (product + (1 << 30)) >> 31
    half = (np.int64(1) << right) >> 1
    return np.where(value + half > INT32_MAX, np.int64(1) << (31 - right), (value + half) >> right)


def multiply_by_quantized_multiplier_int64(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64Array:
    """Product of int64 x and M with a 15-bit multiplier and one rounding, halves up (common.cc, the int64 overload).

    q16 = min((q + 2^15) >> 16, 0x7FFF);  y = wrap32((x * q16 + 2^(14 - s)) >> (15 - s)),  s <= 14
    """
    total = 15 - np.asarray(shift, np.int64)
    with np.errstate(over="ignore"):  # C wraps at 64 bits as well
        product = np.multiply(x, reduced_multiplier(multiplier), dtype=np.int64)
        return wrap_int32((product + (np.int64(1) << (total - 1))) >> total)


def reduced_multiplier(multiplier: ArrayLike) -> Int64Array:
    """The upper 16 bits of an int32 multiplier, rounded, at most 0x7FFF."""
    return np.asarray(np.minimum((np.asarray(multiplier, np.int64) + (1 << 15)) >> 16, 0x7FFF), np.int64)


def count_leading_zeros_32(x: ArrayLike) -> Int64Array:
    """Zero bits above the highest set bit of x seen as uint32; 32 for 0. x in [-2^31, 2^32)."""
    bits = np.asarray(x, np.int64) & 0xFFFFFFFF
    _, exponent = np.frexp(bits.astype(np.float64))  # exact: 32 bits fit a float64, and frexp(0) has exponent 0
    return np.asarray(32 - exponent, np.int64)


def as_int64(x: Any) -> Int64Array:
    """An integer-valued array as int64."""
    return np.asarray(x).astype(np.int64, copy=False)

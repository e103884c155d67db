"""The arithmetic of the C++ sources on single Python integers and fractions: slow, exact, and independent of NumPy."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def wrap(x: int, bits: int) -> int:
    return (x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def truncating_division(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a >= 0) == (b >= 0) else -quotient


def half_away(x: Fraction) -> int:
    magnitude = math.floor(abs(x) + Fraction(1, 2))
    return magnitude if x >= 0 else -magnitude


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


def is_tie(x: Fraction) -> bool:
    return x.denominator == 2


def to_float32(x: Fraction) -> float:
    """The float32 nearest to an exact number, halves to even, subnormals included; no overflow."""
    if x == 0:
        return 0.0
    exponent = max(math.floor(math.log2(abs(x))) if abs(x) > Fraction(1, 2**1000) else -200, -126)
    while abs(x) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while exponent > -126 and abs(x) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - 23)
    value = float(round(x / unit) * unit)  # Fraction rounds halves to even
    assert struct.unpack("f", struct.pack("f", value))[0] == value
    return value


def quantize_multiplier(real: float) -> tuple[int, int]:
    if real == 0:
        return 0, 0
    exact, shift = Fraction(real), 0
    while abs(exact) >= 1:
        exact /= 2
        shift += 1
    while abs(exact) < Fraction(1, 2):
        exact *= 2
        shift -= 1
    quantized = half_away(exact * 2**31)
    if quantized == 2**31:
        quantized //= 2
        shift += 1
    return (0, 0) if shift < -31 else (quantized, shift)


def srdhm(a: int, b: int, bits: int = 32) -> int:
    top = 2 ** (bits - 1)
    if a == b == -top:
        return top - 1
    nudge = top // 2 if a * b >= 0 else 1 - top // 2
    return truncating_division(a * b + nudge, top)


def rdbypot(x: int, exponent: int) -> int:
    return half_away(Fraction(x, 2**exponent))


def saturating_left_shift(x: int, exponent: int, bits: int = 32) -> int:
    threshold = 2 ** (bits - 1 - exponent) - 1
    if x > threshold:
        return 2 ** (bits - 1) - 1
    if x < -threshold:
        return -(2 ** (bits - 1))
    return x << exponent


def double_rounding(x: int, q: int, s: int) -> int:
    return rdbypot(srdhm(wrap(x << max(s, 0), 32), q), max(-s, 0))


def single_rounding(x: int, q: int, s: int) -> int:
    return wrap(half_up(Fraction(x * q) / Fraction(2) ** (31 - s)), 32)


def ruy_x86(x: int, q: int, s: int) -> int:
    right = max(-s, 0)
    lane = (wrap(x << max(s, 0), 32) * q + 2**30) >> 31
    half = 2 ** (right - 1) if right else 0
    if lane > 0x7FFFFFFF - half:
        return int(2 ** (31 - right))
    return (lane + half) >> right


def vector_half_up(x: int, q: int, s: int) -> int:
    return half_up(Fraction(srdhm(wrap(x << max(s, 0), 32), q), 2 ** max(-s, 0)))


def int64_accumulator(x: int, q: int, s: int) -> int:
    q16 = (q + 2**15) >> 16 if q < 0x7FFF0000 else 0x7FFF
    total = 15 - s
    return wrap(wrap(x * q16 + 2 ** (total - 1), 64) >> total, 32)


def float64_half_away(x: int, real: float) -> int:
    rounded = half_away(Fraction(float(x) * real))
    return rounded if INT32_MIN <= rounded <= INT32_MAX else INT32_MIN


def float32_half_even(x: int, real: float) -> int:
    scale = Fraction(to_float32(Fraction(real)))
    product = to_float32(Fraction(to_float32(Fraction(x))) * scale)
    return max(INT32_MIN, min(INT32_MAX, round(Fraction(product))))


INTEGER_RULES = {
    "double_rounding": double_rounding,
    "single_rounding": single_rounding,
    "ruy_x86": ruy_x86,
    "vector_half_up": vector_half_up,
    "int64_accumulator": int64_accumulator,
}
FLOAT_RULES = {"float64_half_away": float64_half_away, "float32_half_even": float32_half_even}


def requantize(rule: str, acc: int, real: float) -> int:
    if rule in FLOAT_RULES:
        return FLOAT_RULES[rule](acc, real)
    q, s = quantize_multiplier(real)
    if rule == "single_rounding" and s > 30:
        q, s = INT32_MAX, 30
    return INTEGER_RULES[rule](acc, q, s)

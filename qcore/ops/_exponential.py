"""exp(x - max) of 8-bit rows in fixed point, as SOFTMAX and LOG_SOFTMAX share it, and the logarithm of their sum.

    d = x - max of the row                          in [-255, 0]
    e = exp(srdhm(d << s, q))  for d >= -radius, else 0: raw Q0.31 from a raw Q5.26 argument

    S = sum(round(e / 2^12))                       raw Q12.19

Only 256 differences exist, so e is a table. In TFLite S wraps after 4095 equal values; here it stays at the largest
number. TFLite: internal/quantization_util.cc; internal/common.h; internal/reference/softmax.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics import float32
from qcore.numerics.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    Int64Array,
    count_leading_zeros_32,
    multiply_by_quantized_multiplier_greater_than_one,
    quantize_multiplier,
    rounding_divide_by_pot,
    wrap_int32,
)
from qcore.numerics.fixedpoint import saturating_rounding_doubling_high_mul as mul
from qcore.numerics.gemmlowp import (
    exp_on_negative_values,
    one_over_one_plus_x_for_x_in_0_1,
    saturating_left_shift,
)
from qcore.op import Array, Node

__all__ = [
    "ACCUMULATOR_BITS",
    "INTEGER_BITS",
    "Scaling",
    "distance_to_maximum",
    "float_exponentials",
    "log_of_sum",
    "scaling",
    "sum_of_exponentials",
]

INTEGER_BITS, ACCUMULATOR_BITS = 5, 12
# Q0.31: log(2), the fourth root and the square root of 1/2, and the coefficients of the rational approximation.
_LOG_2, _SQRT_SQRT_HALF, _SQRT_HALF = 1488522236, 1805811301, 1518500250
_ALPHA_N, _ALPHA_D, _ALPHA_I, _ALPHA_F = 117049297, 127690142, 1057819769, 638450708


@dataclass(frozen=True, slots=True)
class Scaling:
    """beta * scale as a multiplier of Q5.26 differences; differences below -radius count for nothing."""

    multiplier: int
    shift: int
    radius: int

    def rescaled(self) -> Array:
        """Raw Q5.26 argument of exp for the differences 0, -1, ... -255 (int64 [256])."""
        differences = -np.arange(256, dtype=np.int64)
        return multiply_by_quantized_multiplier_greater_than_one(differences, self.multiplier, self.shift)

    def table(self) -> Array:
        """Raw Q0.31 exp for the differences 0, -1, ... -255 (int64 [256])."""
        inside = np.arange(256) <= self.radius
        return np.where(inside, exp_on_negative_values(np.where(inside, self.rescaled(), 0), INTEGER_BITS), 0)

    def addends(self) -> Array:
        """The same in Q12.19, as S adds them up."""
        return rounding_divide_by_pot(self.table(), ACCUMULATOR_BITS)


def scaling(n: Node, beta: float) -> Scaling:
    """M = min(beta * scale * 2^26, 2^31 - 1) as (q, s);  radius = floor(31 * 2^26 / 2^s).

    ModelError unless M > 1, which TFLite's kernel needs.
    """
    real = min(float(np.float32(beta)) * float(n.input(0).scale) * 2.0**26, float(INT32_MAX))
    n.require(real > 1, f"beta {beta} and scale {n.input(0).scale} give a multiplier of {real}, expected more than 1")
    multiplier, shift = quantize_multiplier(real)
    return Scaling(multiplier, shift, (((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS)) >> shift)


def float_exponentials(scale: np.float32, beta: float) -> Array:
    """exp(float32(-scale * beta) * d) for the differences d = 0 ... 255 of the optimized kernels (float32 [256])."""
    with np.errstate(all="ignore"):
        return float32.exp(np.float32(-scale * np.float32(beta)) * np.arange(256, dtype=np.float32))


def distance_to_maximum(x: Array) -> Array:
    """max - x along the last axis, as indices."""
    return (x.max(axis=-1, keepdims=True).astype(np.int16) - x).astype(np.intp)


def sum_of_exponentials(addends: Array, below: Array) -> Int64Array:
    """S of each row [..., 1]: `below` is max - x, `addends` the table of rounded exponentials."""
    return np.asarray(np.minimum(np.take(addends, below).sum(axis=-1, keepdims=True), INT32_MAX))


def log_of_sum(x: Int64Array) -> Int64Array:
    """log(x) in Q5.26 for raw Q12.19 x >= 1 (log_x_for_x_greater_than_or_equal_to_1, common.h).

    x = r * 2^k with r about the fourth root of 1/2, in one of two ways: by powers of two, or with a factor of
    sqrt(1/2). log(r) is a rational function of q = 2 (r - 2^(-1/4)).
    """
    bits = INTEGER_BITS + 1  # one bit of headroom
    quarter = 1 << (29 - bits)
    headroom_a = count_leading_zeros_32(x)
    r_a = saturating_left_shift(mul(saturating_left_shift(x, headroom_a - 1), _SQRT_HALF), 1)
    power_a = saturating_left_shift(ACCUMULATOR_BITS - headroom_a, 31 - bits) + quarter
    headroom_b = count_leading_zeros_32(mul(x, _SQRT_HALF)) - 1
    r_b = saturating_left_shift(x, headroom_b)
    power_b = saturating_left_shift(ACCUMULATOR_BITS - headroom_b, 31 - bits) - quarter
    r = np.minimum(r_a, r_b)
    power = np.clip(np.maximum(power_a, power_b), INT32_MIN, INT32_MAX)
    p = (r + _SQRT_SQRT_HALF + 1) >> 1
    q = wrap_int32(2 * (r - _SQRT_SQRT_HALF))
    square = mul(q, q)
    numerator = mul(q, r) + mul(mul(q, square), _ALPHA_N)
    denominator = mul(p, _ALPHA_I + q + mul(_ALPHA_D, square)) + mul(_ALPHA_F, q)
    rest = mul(rounding_divide_by_pot(numerator, bits), one_over_one_plus_x_for_x_in_0_1(denominator))
    return saturating_left_shift(wrap_int32(mul(power, _LOG_2) + rest), 1)

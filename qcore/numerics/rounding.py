"""The rounding rules: how each kernel brings an accumulator to the scale of the output.

Every rule is carried out on one of two paths that give the same integers: int64 arithmetic, which is right for every
accumulator, and floating point, used for a block of accumulators when all are small enough that each of its products
and sums is exact. With M = q * 2^(s - 31), q < 2^31, l = max(s, 0), r = max(-s, 0) and |acc| < 2^22, in float64:

    v = floor(acc * q * 2^(l - 31) + 1/2)        53 bits: exact. The high multiplication of every rule
    double rounding   rint(v * 2^-r * (1 + 2^-40))   a tie moves away from zero, nothing else passes one: |v| < 2^(22+l)
    half up           floor(v * 2^-r + 1/2)
    single rounding   floor(acc * M + 1/2)           in place of v
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qcore.numerics.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    Int64Array,
    multiply_by_quantized_multiplier,
    multiply_by_quantized_multiplier_half_up,
    multiply_by_quantized_multiplier_int64,
    multiply_by_quantized_multiplier_ruy_x86,
    multiply_by_quantized_multiplier_single_rounding,
    quantize_multipliers,
    reduced_multiplier,
    round_half_away,
)

Rule = Literal[
    "double_rounding",
    "single_rounding",
    "ruy_x86",
    "vector_half_up",
    "float64_half_away",
    "float32_half_even",
    "int64_accumulator",
]

RULES: Mapping[str, str] = MappingProxyType(
    {
        "double_rounding": "round_half_away(((acc << max(s, 0)) * q + 2^30 >> 31) / 2^max(-s, 0))",
        "single_rounding": "floor(acc * q * 2^(s - 31) + 1/2)",
        "ruy_x86": "floor(((acc << max(s, 0)) * q + 2^30 >> 31) / 2^max(-s, 0) + 1/2)",
        "vector_half_up": "floor(((acc << max(s, 0)) * q + 2^30 >> 31) / 2^max(-s, 0) + 1/2)",
        "float64_half_away": "round_half_away(float64(acc) * float64(M))",
        "float32_half_even": "round_half_even(float32(acc) * float32(M))",
        "int64_accumulator": "floor(acc * q16 * 2^(s - 15) + 1/2), q16 = min((q + 2^15) >> 16, 32767)",
    }
)

_INTEGER_RULES: Mapping[str, Callable[[ArrayLike, ArrayLike, ArrayLike], Int64Array]] = MappingProxyType(
    {
        "double_rounding": multiply_by_quantized_multiplier,
        "single_rounding": multiply_by_quantized_multiplier_single_rounding,
        "ruy_x86": multiply_by_quantized_multiplier_ruy_x86,
        "vector_half_up": multiply_by_quantized_multiplier_half_up,
        "int64_accumulator": multiply_by_quantized_multiplier_int64,
    }
)


@dataclass(frozen=True, eq=False)
class Requantization:
    """One rounding rule and its constants.

    `real_multiplier` float64 [n], `multiplier` and `shift` int32 [n] (0 for the float rules); n = 1 or the channels of
    the accumulator's last axis.
    """

    rule: Rule
    real_multiplier: NDArray[np.float64]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]

    @classmethod
    def of(cls, real_multiplier: ArrayLike, rule: Rule) -> Requantization:
        """The constants of `rule` for the real multiplier M = s_in * s_w / s_out, computed by the caller in the
        precision its kernel uses. Raises ValueError for a multiplier the rule cannot hold.
        """
        real = np.atleast_1d(np.asarray(real_multiplier, np.float64))
        if real.ndim != 1 or not (np.isfinite(real).all() and (real >= 0).all()):
            raise ValueError(f"requantization needs finite multipliers >= 0 in one dimension, got {real}")
        if rule not in _INTEGER_RULES:
            if rule == "float32_half_even":
                real = real.astype(np.float32).astype(np.float64)
            elif rule != "float64_half_away":
                raise ValueError(f"no rounding rule named {rule!r}")
            zero = np.zeros(real.shape, np.int32)
            return cls(rule, real, zero, zero)
        multiplier, shift = quantize_multipliers(real)
        if rule == "single_rounding":  # this build of QuantizeMultiplier saturates
            multiplier = np.where(shift > 30, np.int32(INT32_MAX), multiplier)
            shift = np.minimum(shift, 30)
        if rule == "int64_accumulator" and (shift > 14).any():
            raise ValueError(f"multiplier {real.max()} is too large for a 64-bit accumulator")
        return cls(rule, real, multiplier, shift)

    @cached_property
    def exact_limit(self) -> int:
        """The floating-point path is exact for accumulators (bias included) up to this magnitude."""
        if self.rule in ("float64_half_away", "float32_half_even"):
            return 2**63  # C computes in floating point as well
        low, high = int(self.shift.min()), int(self.shift.max())
        if self.rule == "int64_accumulator":  # |acc| * 2^15 + 2^(15 - s) <= 2^53, and the result stays in int32
            return min(2**38 - (1 << max(-low, 0)) - 1, (1 << (31 - high)) - 1)
        if self.rule == "single_rounding":  # the unit of acc * M is 2^(s - 31)
            return -1 if low < -21 else min(2**22 - (1 << max(-low, 0)), (1 << (31 - max(high, 0))) - 1)
        return min(2**22, 1 << (31 - max(high, 0))) - 1

    @cached_property
    def first_factor(self) -> NDArray[np.float64]:
        """The factor of the accumulator."""
        if self.rule == "int64_accumulator":
            return np.ldexp(reduced_multiplier(self.multiplier).astype(np.float64), self.shift - 15)
        if self.rule == "single_rounding":
            return np.ldexp(self.multiplier.astype(np.float64), self.shift - 31)
        if self.rule in _INTEGER_RULES:
            return np.ldexp(self.multiplier.astype(np.float64), np.maximum(self.shift, 0) - 31)
        return self.real_multiplier

    @cached_property
    def second_factor(self) -> NDArray[np.float64]:
        """The factor of the rounded first product."""
        outwards = 2.0**-40 if self.rule == "double_rounding" else 0.0
        return np.where(self.shift < 0, np.ldexp(1.0 + outwards, np.minimum(self.shift, 0)), 1.0)

    @cached_property
    def slope(self) -> NDArray[np.float64]:
        """The real multiplier the rule stands for, after its own rounding."""
        return self.first_factor * self.second_factor

    def take(self, channels: NDArray[np.intp]) -> Requantization:
        """The same rule for some of the channels."""
        return Requantization(
            self.rule, self.real_multiplier[channels], self.multiplier[channels], self.shift[channels]
        )


def requantize(acc: ArrayLike, r: Requantization) -> NDArray[np.int32]:
    """`RULES[r.rule]` of every accumulator: [..., C] -> int32 [..., C].

    Accumulators are int32, or int64 for int64_accumulator and float64_half_away; floats must hold exact integers.

    The float64 rule saturates nothing: as x86 does, a result outside int32 becomes INT32_MIN.
    """
    values = np.asarray(acc)
    if values.size == 0:
        return np.zeros(values.shape, np.int32)
    y: NDArray[Any]
    if magnitude(values) <= r.exact_limit:
        y = requantize_float(values.astype(np.float64, copy=True), r.first_factor, r.second_factor, r.rule)
    else:
        y = _INTEGER_RULES[r.rule](values.astype(np.int64, copy=False), r.multiplier, r.shift)
    return np.asarray(y.astype(np.int32).reshape(values.shape))


def magnitude(values: NDArray[Any]) -> int:
    """Largest |value|; 0 for none."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def requantize_float(
    acc: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64], rule: Rule
) -> NDArray[np.float64]:
    """The floating-point path, in place; exact up to `Requantization.exact_limit`."""
    if rule == "float32_half_even":
        product = acc.astype(np.float32)
        product *= first.astype(np.float32)
        np.copyto(acc, np.rint(product, out=product))
        return np.clip(acc, -(2.0**30), 2.0**30, out=acc)  # far outside every type, so that the sum with zy is exact
    acc *= first
    if rule == "float64_half_away":
        y = round_half_away(acc)
        y[~((y >= INT32_MIN) & (y <= INT32_MAX))] = INT32_MIN
        return y
    acc += 0.5
    np.floor(acc, out=acc)
    if rule in ("single_rounding", "int64_accumulator"):
        return acc
    acc *= second
    if rule == "double_rounding":
        return np.rint(acc, out=acc)
    acc += 0.5
    return np.floor(acc, out=acc)

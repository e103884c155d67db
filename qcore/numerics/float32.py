"""float32 operations in C's rounding and order.

The C library's float functions return the float32 nearest to the exact result in every case tried; computing in
float64 and rounding once gives that number. expm1 and tanh are another matter: see libm.py. Sums follow the loop of
the kernel, one rounding per addition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import cheb2poly
from numpy.typing import ArrayLike, NDArray

from qcore.numerics.libm import expm1, tanh

__all__ = [
    "INT32_MIN",
    "Float32Array",
    "arctan2",
    "checked_log2",
    "cos",
    "exp",
    "expm1",
    "from_bfloat16",
    "fused_multiply_add",
    "gelu",
    "gelu_approximate",
    "log",
    "log1p",
    "logistic",
    "logistic_through_float64",
    "power",
    "round_half_even_int32",
    "rsqrt",
    "sequential_sum",
    "sin",
    "sqrt",
    "tanh",
    "through_float64",
    "to_bfloat16",
    "to_int32",
]

Float32Array = NDArray[np.float32]
INT32_MIN = -(2**31)


_BLOCK = 16384  # numbers worked on at a time: as float64 they stay in the cache


def through_float64(function: Callable[..., Any]) -> Callable[..., Float32Array]:
    """A function of float32 arrays, computed in float64 and rounded once; infinities and NaN as C gives them."""

    def rounded(*arguments: ArrayLike) -> Float32Array:
        arrays = [np.asarray(a, np.float32) for a in arguments]
        with np.errstate(all="ignore"):
            if len(arrays) > 1 or arrays[0].size <= _BLOCK:
                return np.asarray(function(*[a.astype(np.float64) for a in arrays])).astype(np.float32)
            x = arrays[0].reshape(-1)
            y = np.empty(x.shape, np.float32)
            for i in range(0, x.size, _BLOCK):
                y[i : i + _BLOCK] = function(x[i : i + _BLOCK].astype(np.float64))
        return y.reshape(arrays[0].shape)

    return rounded


def _power(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[Any]:
    """np.power, but as C for -inf and 1/2, where NumPy's short cut through sqrt gives NaN."""
    return np.where((a == -np.inf) & (b == 0.5), np.inf, np.power(a, b))


exp = through_float64(np.exp)
log = through_float64(np.log)
log1p = through_float64(np.log1p)
sqrt = through_float64(np.sqrt)
sin = through_float64(np.sin)
cos = through_float64(np.cos)
power = through_float64(_power)
arctan2 = through_float64(np.arctan2)


def logistic(x: ArrayLike) -> Float32Array:
    """1 / (1 + exp(-x)), each step rounded to float32."""
    one = np.float32(1)
    with np.errstate(over="ignore"):
        return np.asarray(one / (one + exp(-np.asarray(x, np.float32))))


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(np.clip(x, -104, 104))
    return np.asarray(e / (1 + e))


logistic_through_float64 = through_float64(_logistic)
"""exp(x) / (1 + exp(x)) in float64, rounded once."""


def rsqrt(x: ArrayLike) -> Float32Array:
    """1 / sqrt(x), each step rounded to float32."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.float32(1) / np.sqrt(np.asarray(x, np.float32)))


@cache
def _erfc_polynomial() -> list[float]:
    """P, highest power first, with erfc(z) = t * exp(P(u) - z^2), t = 2 / (2 + z), for z in [0, 10.5].

    u is t brought to [-1, 1]. Beyond 10.5, erfc is 0 in float32.
    """

    def exact(t: NDArray[np.float64]) -> NDArray[np.float64]:
        z = 2 / t - 2
        return np.array([math.log(math.erfc(v)) for v in z]) + z * z - np.log(t)

    return [float(c) for c in cheb2poly(Chebyshev.interpolate(exact, 20, domain=[_ERFC_LOW, 1.0]).coef)][::-1]


_ERFC_LOW = 2 / 12.5


def _erfc(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """erfc in float64, with a relative error below 1e-13."""
    z = np.minimum(np.abs(x), 10.5)
    t = 2 / (2 + z)
    u = (2 * t - (1 + _ERFC_LOW)) / (1 - _ERFC_LOW)
    highest, *others = _erfc_polynomial()
    y = np.full_like(u, highest)
    for coefficient in others:
        y *= u
        y += coefficient
    y -= z * z
    y = t * np.exp(y, out=y)
    y = np.where(z < 10.5, y, np.where(np.isnan(x), x, 0.0))
    return np.where(x < 0, 2 - y, y)


erfc = through_float64(_erfc)


def gelu(x: ArrayLike) -> Float32Array:
    """x / 2 * erfc(-x / sqrt(2)), each step rounded to float32."""
    v = np.asarray(x, np.float32)
    with np.errstate(all="ignore"):
        return np.asarray(np.float32(0.5) * v * erfc(v * np.float32(-math.sqrt(0.5))))


def gelu_approximate(x: ArrayLike) -> Float32Array:
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), each step rounded to float32."""
    v = np.asarray(x, np.float32)
    with np.errstate(all="ignore"):
        inner = np.float32(math.sqrt(2 / math.pi)) * (v + np.float32(0.044715) * v * v * v)
        return np.asarray(np.float32(0.5) * v * (np.float32(1) + tanh(inner)))


def sequential_sum(x: NDArray[np.float32], axis: int = -1) -> Float32Array:
    """x[0] + x[1] + ... along `axis`, from the left, each sum rounded to float32 (NumPy's own sum adds pairwise)."""
    if x.shape[axis] == 0:
        return x.sum(axis=axis, dtype=np.float32)
    return np.asarray(np.add.accumulate(x, axis=axis, dtype=np.float32).take(-1, axis=axis))


def fused_multiply_add(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Float32Array:
    """float32(a * b + c) with a single rounding, for float32 a, b, c.

    The product is exact in float64. The sum may not be: its error (2Sum) decides the ties that rounding twice gets
    wrong, by moving an inexact float64 sum to the neighbour with an odd last bit (round to odd).
    """
    a64, b64, c64 = (np.asarray(v, np.float32).astype(np.float64) for v in (a, b, c))
    with np.errstate(all="ignore"):
        product = a64 * b64
        total = np.asarray(product + c64)
        back = total - product
        error = (product - (total - back)) + (c64 - back)
        even = (total.view(np.int64) & 1) == 0
        towards = np.where(error > 0, np.inf, -np.inf)
        odd = np.where(np.isfinite(total) & (error != 0) & even, np.nextafter(total, towards), total)
        return np.asarray(odd).astype(np.float32)


def to_int32(x: NDArray[Any]) -> NDArray[np.int64]:
    """C's (int32) of a float as x86 converts: towards zero; NaN and everything outside int32 gives INT32_MIN."""
    values = np.asarray(x)
    inside = (values >= -(2.0**31)) & (values < 2.0**31)
    return np.where(inside, np.where(inside, values, 0).astype(np.int64), INT32_MIN)


def round_half_even_int32(x: NDArray[Any]) -> NDArray[np.int64]:
    """The nearest integer, ties to even (cvtps2dq); NaN and everything outside int32 gives INT32_MIN."""
    return to_int32(np.rint(x))


def checked_log2(x: ArrayLike) -> tuple[int, bool]:
    """(round(log2 x), whether log2 x is within 1e-3 of it), in float32 (CheckedLog2, quantization_util.cc); x > 0."""
    logarithm = np.float32(log(x)) * (np.float32(1) / np.float32(log(2.0)))
    nearest = np.rint(logarithm)  # a tie is no power of two under either rounding
    if abs(logarithm - np.trunc(logarithm)) == np.float32(0.5):
        nearest = np.trunc(logarithm) + np.copysign(np.float32(1), logarithm)
    return int(nearest), bool(abs(logarithm - nearest) < np.float32(1e-3))


def from_bfloat16(bits: NDArray[np.uint16]) -> Float32Array:
    """The float32 numbers whose upper 16 bits these are."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_bfloat16(x: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper 16 bits of the nearest bfloat16 number, ties to even; every NaN becomes 0x7FC0 with its sign."""
    bits = x.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), ((bits >> 16) & 0x8000) | 0x7FC0, rounded).astype(np.uint16)

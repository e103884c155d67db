"""DIV: elementwise quotient with broadcasting.

    float32   y = clamp(a / b)
    int32     y = clamp(trunc(a / b)); zeros in b are refused
    int8, uint8, int16   y = clamp(round((a - za) / (b - zb) * M) + zy)     M = sa / (sb * sy) in float32
        The quotient is (a - za) << headroom, times the 32-bit reciprocal of b - zb; numbers b = zb are refused.
        (TensorFlow 2.21 fails on stored zeros instead, whatever zb is; later versions do not.)

TFLite's last shift is by 0 to 60 places on 32-bit integers. From 32 places on, C leaves the result undefined, and x86
gives neither zero nor the quotient: `_divide_by_pot` repeats it.
TFLite: kernels/div.cc; internal/reference/div.h
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qcore.numerics.fixedpoint import (
    count_leading_zeros_32,
    multiply_by_quantized_multiplier_greater_than_one,
    saturating_rounding_doubling_high_mul,
)
from qcore.numerics.float32 import to_int32
from qcore.numerics.gemmlowp import get_reciprocal
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._activation import Bounds, bounds, clamp, integer_activation_range
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._delegate import refused_floats
from qcore.ops._numbers import prepare_pair, require_no_zero
from qcore.ops._pairs import PairTable, pair_kernel
from qcore.ops._scaling import Multiplier, float32_ratio, multiplier
from qcore.rules import Rules, activation
from tflite_schema import DivOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of a DIV; only `place` and `activation` for plain numbers."""

    place: str
    activation: Bounds
    a_zero_point: int = 0
    b_zero_point: int = 0
    multiplier: Multiplier | None = None
    zero_point: int = 0
    activation_range: tuple[int, int] = (0, 0)
    pairs: PairTable | None = field(default=None, repr=False, compare=False)


def prepare(n: Node) -> Params:
    prepare_pair(n)
    fused = n.options(DivOptions).fused_activation_function
    a, b, y = n.input(0), n.input(1), n.output()
    if a.type in (TensorType.FLOAT32, TensorType.INT32):
        return Params(n.place, bounds(n, fused))
    with np.errstate(all="ignore"):
        divisor = b.scale * y.scale
    real = multiplier(n, float32_ratio(a.scale, over=divisor))
    most = 16 if a.type == TensorType.INT16 else 23  # places that a dividend of this type leaves free at least
    n.require(real.shift <= most, f"the scales give a multiplier of 2^{real.shift}; the kernel holds at most 2^{most}")
    activation_range = integer_activation_range(n, fused)
    pairs = PairTable.of(a.dtype)
    return Params(n.place, bounds(n, fused), a.zero_point, b.zero_point, real, y.zero_point, activation_range, pairs)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    with np.errstate(all="ignore"):
        return [clamp(np.asarray(inputs[0] / inputs[1]), p.activation)]


def eval_int32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    require_no_zero(b, p.place)
    quotient = np.asarray(to_int32(a / b))  # float64 quotients of int32 numbers truncate exactly
    return [clamp(quotient.astype(np.int32), p.activation)]


def steps(p: Params, a: Array, b: Array, trace: Trace) -> Array:
    assert p.multiplier is not None
    left, right = a.astype(np.int64) - p.a_zero_point, b.astype(np.int64) - p.b_zero_point
    left = trace("dividend", np.where(right < 0, -left, left))
    right = trace("divisor", np.abs(right))
    reciprocal, places = get_reciprocal(right, 31)
    headroom = count_leading_zeros_32(np.where(left < 0, ~left, left)) - 1
    quotient = trace("quotient", multiply_by_quantized_multiplier_greater_than_one(left, reciprocal, headroom))
    scaled = saturating_rounding_doubling_high_mul(quotient, p.multiplier.multiplier)
    y = trace("requantize", _divide_by_pot(scaled, headroom + places - p.multiplier.shift)) + p.zero_point
    return np.asarray(trace("clamp", np.clip(y, *p.activation_range))).astype(a.dtype)


_eval_steps = pair_kernel(steps)


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    require_no_zero(inputs[1], p.place, p.b_zero_point)
    return _eval_steps(p, inputs, ctx)


def _divide_by_pot(x: Array, exponent: Array) -> Array:
    """x / 2^exponent rounded, halves away from zero, on int32 as x86 computes it: shifts count modulo 32."""
    mask = np.where(exponent < 32, (np.int64(1) << np.minimum(exponent, 31)) - 1, -1)
    return np.asarray((x >> (exponent & 31)) + ((x & mask) > (mask >> 1) + (x < 0)))


def version(n: Node) -> int:
    a, b = n.input(0), n.input(1)
    return 2 if a.shape != b.shape and max(a.rank, b.rank) > 4 else 1


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_int32,
        "int8": eval_quantized,
        "uint8": eval_quantized,
        "int16": eval_quantized,
    },
    rules=Rules(inputs=(activation(),), quantizable=frozenset({"int8"})),
    steps={
        "dividend": "a - za, with the sign of the divisor",
        "divisor": "|b - zb|",
        "quotient": "(dividend << headroom) * reciprocal of the divisor",
        "requantize": "round(quotient * M / 2^(headroom + places))",
        "clamp": "clamp(requantized + zy)",
    },
    version=version,
    refused=refused_floats,
)

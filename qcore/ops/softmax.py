"""SOFTMAX along the last axis.

    float32   e = exp((x - max) * beta);  y = e / sum(e), each step rounded to float32
    8-bit     e = exp(beta * sx * (x - max))                      raw Q0.31, see _exponential.py
              S = sum(round(e / 2^12))                            raw Q12.19
              (r, b) = 1 / S                                      r raw Q0.31, times 2^-b
              y = clamp(round(srdhm(r, e) / 2^(b + 31 - bits)) + lowest)     bits of the result's type: 8 or 16
    int16     e = table of exp over [-10, 0] at round((x - max) * beta * sx / (10 / 65535)) + 32767
              S = sum(e);  z = leading zeros of S
              r = table of 1 / (1 + v) over [0, 1] at (S << (z - 1)) / 2^14 - 98304
              y = clamp(round(e * r / 2^(31 - z)))

The optimized 8-bit kernels compute in float32, every step rounded, sums in the order of the elements:

    e = exp((-sx * beta) * (max - x));  p = e * (1 / (sum(e) * sy))
    y = clamp(round(p) + zy), halves away from zero; uint8 to uint8: clamp(trunc(p + 0.5))

The result's scale is 1/256 (int16: 1/32768) and its zero point the lowest number of its type.

A row of 8-bit numbers whose S reaches 512 makes TFLite's reference kernel stop the process. Here the equation is
carried on: b + 23 = 32 or more, and every y is 0. S itself saturates at the largest Q12.19.

TFLite: kernels/activations.cc; internal/reference/softmax.h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.numerics import float32
from qcore.numerics.fixedpoint import (
    INT32_MAX,
    count_leading_zeros_32,
    round_half_away,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from qcore.numerics.gemmlowp import get_reciprocal
from qcore.numerics.lut import lookup_int16, softmax_exp_table, softmax_reciprocal_table
from qcore.op import Array, Context, Node, Op, Shape, by_type
from qcore.ops._delegate import refused_floats
from qcore.ops._exponential import (
    ACCUMULATOR_BITS,
    Scaling,
    distance_to_maximum,
    float_exponentials,
    scaling,
    sum_of_exponentials,
)
from qcore.ops._movement import require_counts
from qcore.ops._scaling import Multiplier, multiplier
from qcore.rules import Rules, activation, fixed
from tflite_schema import SoftmaxOptions, TensorType

_OUTPUTS = {
    TensorType.FLOAT32: (TensorType.FLOAT32,),
    TensorType.UINT8: (TensorType.UINT8, TensorType.INT16),
    TensorType.INT8: (TensorType.INT8, TensorType.INT16),
    TensorType.INT16: (TensorType.INT16,),
}


@dataclass(frozen=True, slots=True)
class FloatTable:
    """The optimized 8-bit kernel: exp(0 ... -255 steps of the operand's scale), and the result's quantization."""

    exponentials: Array
    scale: np.float32
    zero_point: int
    dtype: Any


@dataclass(frozen=True, slots=True)
class Params:
    """8-bit: `scaling` and its tables of exponentials; int16: `multiplier` of the differences; float32: beta alone."""

    beta: float
    dtype: Any
    scaling: Scaling | None = None
    exponentials: Array | None = None
    addends: Array | None = None
    multiplier: Multiplier | None = None


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    n.require_shapes(n.input(0).rank >= 1, "a scalar has no last axis")
    return [n.input(0).shape]


def prepare(n: Node) -> Params | FloatTable:
    x, y, beta = n.input(0), n.output(), n.options(SoftmaxOptions).beta
    if y.type not in _OUTPUTS[x.type]:
        raise n.unsupported(f"a {y.type.name} result; expected {' or '.join(t.name for t in _OUTPUTS[x.type])}")
    if x.type == TensorType.FLOAT32:
        return Params(beta, np.float32)
    if x.type == y.type and x.type != TensorType.UINT8:
        zero, step = (-128, 1 / 256) if x.type == TensorType.INT8 else (0, 1 / 32768)
        n.require(y.zero_point == zero, f"the result's zero point is {y.zero_point}, the kernel's {zero}")
        near = abs(float(y.scale) - step) <= 0.001 * step
        n.require(near, f"the result's scale is {y.scale}, the kernel's {step}")
    if x.type == TensorType.INT16:
        n.require(x.zero_point == 0, f"an int16 zero point must be 0, not {x.zero_point}")
        scale = float(np.float32(x.scale * np.float32(beta))) / (10.0 / 65535.0)
        return Params(beta, np.int16, multiplier=multiplier(n, scale))
    if n.kernels.name != "reference":
        return FloatTable(float_exponentials(x.scale, beta), y.scale, y.zero_point, y.dtype.type)
    exponent = scaling(n, beta)
    return Params(beta, y.dtype.type, exponent, exponent.table(), exponent.addends())


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if x.size == 0:
        return [x]
    with np.errstate(all="ignore"):
        differences = (x - x.max(axis=-1, keepdims=True)) * np.float32(p.beta)
        e = ctx.trace("exp", float32.exp(differences))
        total = ctx.trace("sum", float32.sequential_sum(e)[..., None])
        return [ctx.trace("output", e / total)]


def eval_8bit(p: Params | FloatTable, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if isinstance(p, FloatTable):
        return [_in_float32(p, x, ctx)]
    assert p.exponentials is not None
    assert p.addends is not None
    if x.size == 0:
        return [np.zeros(x.shape, p.dtype)]
    below = distance_to_maximum(x)
    e = ctx.trace("exp", np.take(p.exponentials, below))
    total = ctx.trace("sum", sum_of_exponentials(p.addends, below))
    reciprocal, bits_over_unit = get_reciprocal(total, ACCUMULATOR_BITS)
    limits = np.iinfo(p.dtype)
    product = saturating_rounding_doubling_high_mul(ctx.trace("reciprocal", reciprocal), e)
    y = rounding_divide_by_pot(product, bits_over_unit + 31 - limits.bits) + limits.min
    return [ctx.trace("output", np.minimum(y, limits.max)).astype(p.dtype)]


def _in_float32(p: FloatTable, x: Array, ctx: Context) -> Array:
    if x.size == 0:
        return np.zeros(x.shape, p.dtype)
    e = ctx.trace("exp", np.take(p.exponentials, distance_to_maximum(x)))
    total = ctx.trace("sum", float32.sequential_sum(e)[..., None])
    with np.errstate(all="ignore"):
        share = np.asarray(e * ctx.trace("reciprocal", np.float32(1) / (total * p.scale)), np.float32)
        away = round_half_away(share) + np.float32(p.zero_point)
        y = np.trunc(share + np.float32(0.5)) if p.dtype is np.uint8 else away
    limits = np.iinfo(p.dtype)
    return ctx.trace("output", np.clip(float32.to_int32(y), limits.min, limits.max)).astype(p.dtype)


def eval_int16(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    assert p.multiplier is not None
    if x.size == 0:
        return [np.zeros(x.shape, np.int16)]
    differences = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    argument = np.clip(p.multiplier.scale(differences) + 32767, -32768, 32767).astype(np.int16)
    e = ctx.trace("exp", lookup_int16(argument, softmax_exp_table())).astype(np.int64)
    total = ctx.trace("sum", np.minimum(e.sum(axis=-1, keepdims=True), INT32_MAX))
    zeros = count_leading_zeros_32(total)
    shifted = ((total << (zeros - 1)) + (1 << 13)) >> 14
    position = np.clip(shifted - 98304, -32768, 32767).astype(np.int16)
    reciprocal = ctx.trace("reciprocal", lookup_int16(position, softmax_reciprocal_table()))
    y = (e * reciprocal + (np.int64(1) << (30 - zeros))) >> (31 - zeros)
    return [ctx.trace("output", np.clip(y, 0, 32767)).astype(np.int16)]


def refused(n: Node) -> str | None:
    """XNNPACK takes float32 and a beta of 1."""
    beta = n.options(SoftmaxOptions).beta
    return f"its beta is {beta:g}" if beta != 1 else refused_floats(n)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "uint8": eval_8bit, "int8": eval_8bit, "int16": eval_int16},
    rules=Rules(
        inputs=(activation(),),
        outputs=(fixed(int8=(1 / 256, -128), uint8=(1 / 256, 0), int16=(1 / 32768, 0)),),
    ),
    steps={
        "exp": "exp(beta * sx * (x - max))",
        "sum": "sum(e)",
        "reciprocal": "1 / S (integers); optimized: 1 / (S * sy)",
        "output": "e / S",
    },
    version=by_type(int8=2, int16=3),
    refused=refused,
)

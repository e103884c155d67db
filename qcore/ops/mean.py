"""MEAN: the mean over axes.

    float32          y = sum(x) / n
    int32, int64     y = sum(x) / n in int64, truncated
    8-bit, int16     acc = sum(x) - zx * n                     int32, wrapping
                     y   = clamp(round(acc * M) + zy)          M = sx / (sy * n)

The division by n is a part of the multiplier: with (q, s) of sx / sy and k = min(floor(log2 n), 32, 31 + s), M is
((q << k) // n, s - k). Of nothing the mean is NaN, in integers 0.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import wrap_int32
from qcore.numerics.float32 import sequential_sum
from qcore.op import Array, Context, Node, Op, Shape, by_type
from qcore.ops import _reduction
from qcore.ops._scaling import Multiplier, multiplier, require_zero_point_in_type
from qcore.rules import Rules, activation, untouched


@dataclass(frozen=True, slots=True)
class Params:
    """`offset` is zx * n; the multiplier of float32, int32 and int64 is None."""

    axes: tuple[int, ...]
    shape: Shape
    count: int
    offset: int = 0
    multiplier: Multiplier | None = None
    output_zero_point: int = 0


def prepare(n: Node) -> Params:
    x, y = n.input(0), n.output()
    n.require(x.type == y.type, f"operand and result must have one type, not {n.types}")
    axes = _reduction.axes(n)
    assert axes is not None
    count = _reduction.count(x.shape, axes)
    if x.dtype.itemsize > 2 or 0 in x.shape:
        return Params(axes, y.shape, count)
    require_zero_point_in_type(n, x, y)
    with np.errstate(all="ignore"):
        scale = multiplier(n, float(np.float64(x.scale) / np.float64(y.scale)))
    k = min(count.bit_length() - 1, 32, 31 + scale.shift)
    mean = Multiplier((scale.multiplier << k) // count, scale.shift - k)
    return Params(axes, y.shape, count, x.zero_point * count, mean, y.zero_point)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = _reduction.rows(inputs[0], p.axes)
    if x.size == 0:
        return [np.full(p.shape, np.nan, np.float32)]
    acc = ctx.trace("accumulate", sequential_sum(x, axis=0).reshape(p.shape))
    return [ctx.trace("divide", acc / np.float32(p.count))]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    if x.size == 0:
        return [np.zeros(p.shape, x.dtype)]
    acc = ctx.trace("accumulate", np.add.reduce(x, axis=p.axes, dtype=np.int64).reshape(p.shape))
    quotient = acc // p.count
    y = quotient + ((quotient < 0) & (quotient * p.count != acc))
    return [ctx.trace("divide", y).astype(x.dtype)]


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    if p.multiplier is None:
        return [np.zeros(p.shape, x.dtype)]
    acc = np.add.reduce(x, axis=p.axes, dtype=np.int32).reshape(p.shape)
    acc = ctx.trace("accumulate", wrap_int32(acc.astype(np.int64) - p.offset))
    y = ctx.trace("requantize", p.multiplier.scale(acc)) + p.output_zero_point
    limits = np.iinfo(x.dtype)
    return [ctx.trace("clamp", np.clip(y, limits.min, limits.max)).astype(x.dtype)]


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_integer,
        "int64": eval_integer,
        "uint8": eval_quantized,
        "int8": eval_quantized,
        "int16": eval_quantized,
    },
    rules=Rules(inputs=(activation(), untouched())),
    steps={
        "accumulate": "sum(x) - zx * n",
        "divide": "sum / n (float32, int32, int64)",
        "requantize": "round(acc * M)",
        "clamp": "clamp(requantized + zy)",
    },
    version=by_type(int8=2, int16=3),
)

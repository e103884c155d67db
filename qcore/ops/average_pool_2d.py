"""AVERAGE_POOL_2D: the mean of each window, over the taps that lie inside the image.

    y = clamp(sum(x) / taps)

Integers: the sum of the raw values (operand and result share scale and zero point), divided with halves away from zero:

    y = clamp(sign(sum) * ((|sum| + taps // 2) // taps))

TFLite: kernels/pooling.cc; internal/reference/pooling.h, internal/reference/integer_ops/pooling.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics.window import pad_with, patches
from qcore.op import Array, Context, Node, Op
from qcore.ops import _pool
from qcore.ops._activation import clamp
from qcore.ops._delegate import refused_floats
from qcore.ops._pool import Params, refused_gaps
from qcore.rules import Rules, activation, same_as

_NARROW = 128  # sums of so many 8-bit numbers fit 16 bits


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    total = np.add.reduce(patches(pad_with(x, 0.0, p.geometry), p.geometry), axis=(3, 4))
    y = ctx.trace("accumulate", total) / p.taps.astype(np.float32)
    return [ctx.trace("clamp", clamp(y.copy(), p.activation_range))]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    narrow = x.dtype.itemsize == 1 and p.taps.max(initial=0) <= _NARROW
    wide = x.astype(np.int16 if narrow else np.int32)
    acc = ctx.trace("accumulate", _pool.fold(np.add, wide, p.geometry, 0))
    taps = p.taps.astype(acc.dtype)
    quotient = (np.abs(acc) + taps // 2) // taps
    y = ctx.trace("divide", np.where(acc < 0, -quotient, quotient))
    return [ctx.trace("clamp", clamp(y.copy(), p.activation_range)).astype(x.dtype)]


def refused(n: Node) -> str | None:
    """XNNPACK takes float32 and windows that leave no gaps."""
    return refused_gaps(n) or refused_floats(n)


OP = Op(
    infer=_pool.infer,
    prepare=_pool.prepare,
    kernels={"float32": eval_float32, "uint8": eval_integer, "int8": eval_integer, "int16": eval_integer},
    rules=Rules(inputs=(activation(),), outputs=(same_as(0),)),
    steps={
        "accumulate": "sum(x) over the window",
        "divide": "round(sum / taps), halves away from zero",
        "clamp": "clamp(quotient)",
    },
    version=_pool.version,
    refused=refused,
)

"""MEAN: the mean over axes.

    float32          y = sum(x) / n
    int32, int64     y = sum(x) / n in int64, truncated
    8-bit, int16     acc = sum(x) - zx * n
                     y   = clamp(round(acc * M) + zy)     M = sx / sy / n: see _reduction.py

Of nothing the mean is NaN, in integers 0.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics.float32 import sequential_sum
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _reduction
from qcore.ops._reduction import Params
from qcore.rules import Rules, activation, untouched


def prepare(n: Node) -> Params:
    return _reduction.prepare_scaled(n, mean=True)


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


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_integer,
        "int64": eval_integer,
        "uint8": _reduction.eval_quantized,
        "int8": _reduction.eval_quantized,
        "int16": _reduction.eval_quantized,
    },
    rules=Rules(inputs=(activation(), untouched())),
    steps={
        "accumulate": "sum(x) - zx * n",
        "divide": "sum / n (float32, int32, int64)",
        "requantize": "round(acc * M)",
        "clamp": "clamp(requantized + zy)",
    },
    version=by_type(int8=2, int16=3),
    reference_only=frozenset({"int8", "uint8"}),
)

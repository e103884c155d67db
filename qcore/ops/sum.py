"""SUM: the sum over axes.

    float32          y = sum(x), in the order of the elements, each step rounded to float32
    int32, int64     y = sum(x), wrapping; bool: whether any is true
    8-bit, int16     acc = sum(x) - zx * n
                     y   = clamp(round(acc * M) + zy)     M = sx / sy: see _reduction.py

The optimized kernels rescale in float32, every step rounded, halves away from zero:

    y = clamp(round(sum(x) * M - zx * M * n) + zy)

XNNPACK: see _reduction_xnnpack.py.

TFLite's reference kernel reads int8 and int16 operands as uint8 (TensorFlow 2.21, ai-edge-litert 2.3) and so gives
numbers without meaning. Here all three types follow the equation, as uint8 does there.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import round_half_away, wrap_int32
from qcore.numerics.float32 import sequential_sum, to_int32
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _reduction
from qcore.ops._reduction import Params
from qcore.ops._reduction_xnnpack import XnnpackParams, reduce_in_float32, refused
from qcore.rules import Rules, activation, same_as, untouched


@dataclass(frozen=True, slots=True)
class FloatParams:
    """The optimized kernels' constants."""

    reduction: Params
    scale: np.float32
    bias: np.float32
    zero_point: int


def prepare(n: Node) -> Params | FloatParams | XnnpackParams:
    p, x, y = _reduction.prepare_scaled(n, mean=False), n.input(0), n.output()
    if n.kernels.name == "reference" or not _reduction.is_quantized(x):
        return p
    if p.multiplier is None:
        raise n.unsupported("TFLite's optimized kernel writes no sum of nothing; use kernels='reference'")
    if n.kernels.name == "xnnpack":
        return XnnpackParams.of(n, p, mean=False)
    with np.errstate(all="ignore"):
        scale = np.float32(x.scale / y.scale)
        bias = np.float32(np.float32(np.float32(-x.zero_point) * scale) * np.float32(p.count))
    return FloatParams(p, scale, bias, y.zero_point)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    with np.errstate(all="ignore"):
        y = sequential_sum(_reduction.rows(inputs[0], p.axes), axis=0)
    return [ctx.trace("accumulate", y.reshape(p.shape))]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    return [ctx.trace("accumulate", np.add.reduce(x, axis=p.axes, dtype=x.dtype).reshape(p.shape))]


def eval_quantized(p: Params | FloatParams | XnnpackParams, inputs: list[Array], ctx: Context) -> list[Array]:
    if isinstance(p, Params):
        return _reduction.eval_quantized(p, inputs, ctx)
    if isinstance(p, XnnpackParams):
        return [reduce_in_float32(p, inputs[0], ctx)]
    x, limits = inputs[0], np.iinfo(inputs[0].dtype)
    acc = np.add.reduce(x, axis=p.reduction.axes, dtype=np.int32).reshape(p.reduction.shape)
    acc = ctx.trace("accumulate", np.asarray(acc))
    with np.errstate(all="ignore"):
        real = round_half_away(np.asarray(acc.astype(np.float32) * p.scale + p.bias, np.float32))
    y = wrap_int32(ctx.trace("requantize", to_int32(real)) + p.zero_point)
    return [ctx.trace("clamp", np.clip(y, limits.min, limits.max)).astype(x.dtype)]


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_integer,
        "int64": eval_integer,
        "bool": eval_integer,
        "uint8": eval_quantized,
        "int8": eval_quantized,
        "int16": eval_quantized,
    },
    rules=Rules(
        inputs=(activation(), untouched()),
        by_scheme={"int16x8": Rules(inputs=(activation(), untouched()), outputs=(same_as(0),))},
    ),
    steps={
        "accumulate": "sum(x) - zx * n",
        "requantize": "round(acc * M) (8-bit, int16)",
        "clamp": "clamp(requantized + zy) (8-bit, int16)",
    },
    version=by_type(int8=2),
    refused=refused,
)

"""MEAN: the mean over axes.

    float32          y = sum(x) / n
    int32, int64     y = sum(x) / n in int64, truncated
    8-bit, int16     acc = sum(x) - zx * n
                     y   = clamp(round(acc * M) + zy)     M = sx / sy / n: see _reduction.py

The optimized kernels treat 8-bit images [N, H, W, C] with axes 1 and 2, kept, apart (axes -3 and -2 are not, but in
ai-edge-litert 2.3 they are):

    y = clamp(round(sum(x) * M) + b)     M = sx / (n * sy) and b = zy - round(zx * sx / sy) in float32

and of the channels, vector code takes sixteen at a time, whose second rounding takes halves up.

XNNPACK: see _reduction_xnnpack.py.

Of nothing the mean is NaN, in integers 0.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.float32 import sequential_sum
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op, Shape, by_type
from qcore.ops import _reduction
from qcore.ops._lanes import Lanes
from qcore.ops._reduction import Params
from qcore.ops._reduction_xnnpack import XnnpackParams, reduce_in_float32, refused
from qcore.ops._scaling import Multiplier, multiplier
from qcore.rules import Rules, activation, untouched
from tflite_schema import ReducerOptions


@dataclass(frozen=True, slots=True)
class ImageParams:
    """The optimized mean over height and width."""

    shape: Shape
    multiplier: Multiplier
    bias: int
    lanes: Lanes


def prepare(n: Node) -> Params | ImageParams | XnnpackParams:
    p, x = _reduction.prepare_scaled(n, mean=True), n.input(0)
    if n.kernels.name == "xnnpack" and _reduction.is_quantized(x):
        return XnnpackParams.of(n, p, mean=True)
    axes = n.integers(1)
    if n.kernels.version == "litert-2.3" and axes is not None and x.rank == 4:
        axes = sorted({axis % 4 for axis in axes})
    image = x.rank == 4 and n.options(ReducerOptions).keep_dims and axes in ([1, 2], [2, 1])
    if n.kernels.name == "reference" or not image or p.multiplier is None or x.dtype.itemsize > 1:
        return p
    return _prepare_image(n, p)


def _prepare_image(n: Node, p: Params) -> ImageParams:
    x, y = n.input(0), n.output()
    with np.errstate(all="ignore"):
        shifted = np.float32(np.float32(np.float32(x.zero_point) * x.scale) / y.scale)
        shifted += np.float32(0.5 if shifted > 0 else -0.5)
        real = float(x.scale / np.float32(np.float32(p.count) * y.scale))
    n.require(abs(float(shifted)) < 2**30, f"scales {x.scale} and {y.scale} and zero point {x.zero_point} do not fit")
    channels = x.shape[3]
    return ImageParams(p.shape, multiplier(n, real), y.zero_point - int(shifted), Lanes.of(channels, 16))


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


def eval_8bit(p: Params | ImageParams | XnnpackParams, inputs: list[Array], ctx: Context) -> list[Array]:
    if isinstance(p, Params):
        return _reduction.eval_quantized(p, inputs, ctx)
    if isinstance(p, XnnpackParams):
        return [reduce_in_float32(p, inputs[0], ctx)]
    (x, _) = inputs
    limits = np.iinfo(x.dtype)
    acc = ctx.trace("accumulate", np.add.reduce(x, axis=(1, 2), dtype=np.int32, keepdims=True))

    def vector(trace: Trace) -> Array:
        return trace("requantize", p.multiplier.scale_half_up(acc))

    def scalar(trace: Trace) -> Array:
        return trace("requantize", p.multiplier.scale(acc))

    y = p.lanes.join(vector, scalar, acc.shape, ctx.trace) + p.bias
    return [ctx.trace("clamp", np.clip(y, limits.min, limits.max)).astype(x.dtype)]


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_integer,
        "int64": eval_integer,
        "uint8": eval_8bit,
        "int8": eval_8bit,
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
    refused=refused,
)

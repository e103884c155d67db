"""RESIZE_BILINEAR: every pixel of the result lies between four of the image.

float32 and uint8 in float32, along each axis:

    step = in / out                                         align_corners and out > 1: (in - 1) / (out - 1)
    v    = p * step                                         half_pixel_centers: (p + 0.5) * step - 0.5
    lo   = max(floor(v), 0);  hi = min(ceil(v), in - 1);  f = v - lo
    y    = x[lo, lo] (1 - fy) (1 - fx) + x[hi, lo] fy (1 - fx) + x[lo, hi] (1 - fy) fx + x[hi, hi] fy fx

in this order; uint8 adds 0.5 and truncates, in the optimized kernels with x[lo, hi] before x[hi, lo] and the weights
multiplied first. int8 and int16 do the same in 10 fraction bits:

    step = (1024 in + out / 2) / out                        half_pixel_centers: v = p * step + step / 2 - 512
    y    = sum / 2^20, halves away from zero

XNNPACK, int8 and uint8: v is worked out in float32 and clamped to [0, in - 1], f = round(2048 (v - lo)), and

    y    = (sum + 2^21) >> 22                               hi = min(lo + 1, in - 1)

At the border f may be negative (half_pixel_centers) while lo = hi: the weights still add up to one.

TFLite: kernels/resize_bilinear.cc; internal/reference/resize_bilinear.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op
from qcore.ops import _resize
from qcore.ops._delegate import refused_movement
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import ResizeBilinearOptions, TensorType

_FRACTION_BITS = 10
_XNNPACK_FRACTION_BITS = 11
_BLOCK = 65536  # elements worked on at a time


@dataclass(frozen=True, slots=True)
class Axis:
    """For each row (or column) of the result: its two neighbours in the image and their weights."""

    low: Array
    high: Array
    low_weight: Array
    high_weight: Array

    def take(self, some: slice) -> Axis:
        """The same for some of the rows."""
        return Axis(self.low[some], self.high[some], self.low_weight[some], self.high_weight[some])


@dataclass(frozen=True, slots=True)
class Params:
    """Weights are float32, or integers with 10 fraction bits; `weights_first`: multiplied before the pixels are."""

    rows: Axis
    columns: Axis
    weights_first: bool = False


@dataclass(frozen=True, slots=True)
class XnnpackParams:
    """Weights are integers with 11 fraction bits."""

    rows: Axis
    columns: Axis


def prepare(n: Node) -> Params | XnnpackParams:
    x, y, options = n.input(0), n.output(), n.options(ResizeBilinearOptions)
    n.require(x.type == y.type, f"operand and result must have one type, not {n.types}")
    both = options.half_pixel_centers and options.align_corners
    n.require(not both, "align_corners and half_pixel_centers exclude each other")
    if n.kernels.name == "xnnpack" and x.type != TensorType.FLOAT32:
        return XnnpackParams(*(_xnnpack_axis(x.shape[axis], y.shape[axis], options) for axis in (1, 2)))
    place = _float_axis if x.type in (TensorType.FLOAT32, TensorType.UINT8) else _integer_axis
    weights_first = n.kernels.name == "optimized" and x.type == TensorType.UINT8
    rows, columns = (place(x.shape[axis], y.shape[axis], options) for axis in (1, 2))
    return Params(rows, columns, weights_first)


def _float_axis(size: int, output: int, options: ResizeBilinearOptions) -> Axis:
    aligned = options.align_corners and output > 1
    step = np.float32(size - 1) / np.float32(output - 1) if aligned else np.float32(size) / np.float32(output)
    position = np.arange(output).astype(np.float32)
    half = np.float32(0.5 if options.half_pixel_centers else 0)
    value = (position + half) * step - half
    low = np.maximum(np.floor(value).astype(np.int64), 0)
    high = np.minimum(np.ceil(value).astype(np.int64), size - 1)
    fraction = value - low.astype(np.float32)
    return Axis(low, high, np.float32(1) - fraction, fraction)


def _integer_axis(size: int, output: int, options: ResizeBilinearOptions) -> Axis:
    if options.align_corners and output > 1:
        size_span, output_span = size - 1, output - 1
    else:
        size_span, output_span = size, output
    step = ((size_span << _FRACTION_BITS) + output_span // 2) // output_span
    value = np.arange(output, dtype=np.int64) * step
    if options.half_pixel_centers:
        value += step // 2 - (1 << (_FRACTION_BITS - 1))
    low = np.maximum(value >> _FRACTION_BITS, 0)
    high = np.minimum((value + (1 << _FRACTION_BITS) - 1) >> _FRACTION_BITS, size - 1)
    fraction = value - (low << _FRACTION_BITS)
    return Axis(low, high, (1 << _FRACTION_BITS) - fraction, fraction)


def _xnnpack_axis(size: int, output: int, options: ResizeBilinearOptions) -> Axis:
    aligned = int(options.align_corners and output > 1)
    step = np.float32(size - aligned) / np.float32(output - aligned)
    value = np.arange(output).astype(np.float32) * step
    if options.half_pixel_centers:
        value += np.float32(0.5) * step - np.float32(0.5)
    value = np.clip(value, np.float32(0), np.float32(size - 1))
    low = value.astype(np.int64)
    fraction = np.rint((value - low.astype(np.float32)) * np.float32(1 << _XNNPACK_FRACTION_BITS)).astype(np.int64)
    return Axis(low, np.minimum(low + 1, size - 1), (1 << _XNNPACK_FRACTION_BITS) - fraction, fraction)


def refused(n: Node) -> str | None:
    """XNNPACK takes images of 8 bits or float32, and a constant size."""
    if n.input(1).value is None:
        return "its size is not constant"
    return refused_movement(n, n.input(0), n.output())


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [ctx.trace("interpolate", _interpolate(p, inputs[0].astype(np.float32, copy=False)))]


def eval_uint8(p: Params | XnnpackParams, inputs: list[Array], ctx: Context) -> list[Array]:
    if isinstance(p, XnnpackParams):
        return eval_integer(p, inputs, ctx)
    acc = ctx.trace("interpolate", _interpolate(p, inputs[0].astype(np.float32)))
    return [ctx.trace("round", (acc + np.float32(0.5)).astype(np.int32)).astype(np.uint8)]


def eval_integer(p: Params | XnnpackParams, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    wide = x.astype(np.int32 if x.dtype.itemsize == 1 else np.int64)
    rounded = _halves_up if isinstance(p, XnnpackParams) else _rounded
    height, width = p.rows.low.size, p.columns.low.size
    y = np.empty((x.shape[0], height, width, x.shape[3]), x.dtype)
    row = max(1, x.shape[0] * width * x.shape[3])
    step = height if ctx.trace.recording else max(1, _BLOCK // row)
    for first in range(0, height, step):  # some rows at a time: they stay in the cache
        some = slice(first, first + step)
        acc = ctx.trace("interpolate", _along(p.columns, _along(p.rows.take(some), wide, 1), 2))
        y[:, some] = ctx.trace("round", rounded(acc))
    return [y]


def _rounded(acc: Array) -> Array:
    """acc / 2^20, halves away from zero (rounding_divide_by_pot in acc's own dtype)."""
    y = acc + (1 << (2 * _FRACTION_BITS - 1))
    y -= acc < 0
    y >>= 2 * _FRACTION_BITS
    return np.asarray(y)


def _halves_up(acc: Array) -> Array:
    """acc / 2^22, halves up."""
    return np.asarray((acc + (1 << (2 * _XNNPACK_FRACTION_BITS - 1))) >> (2 * _XNNPACK_FRACTION_BITS))


def _along(a: Axis, x: Array, axis: int) -> Array:
    """x resized along one axis in integers, where the order does not matter."""
    shape = (-1,) + (1,) * (x.ndim - 1 - axis)
    y = np.take(x, a.low, axis=axis) * a.low_weight.astype(x.dtype).reshape(shape)
    y += np.take(x, a.high, axis=axis) * a.high_weight.astype(x.dtype).reshape(shape)
    return y


def _interpolate(p: Params, x: Array) -> Array:
    """The four products in the kernel's order, rounded (in float32) after each step."""
    fy = p.rows.high_weight[:, None, None], p.rows.low_weight[:, None, None]
    fx = p.columns.high_weight[:, None], p.columns.low_weight[:, None]
    top, bottom = np.take(x, p.rows.low, axis=1), np.take(x, p.rows.high, axis=1)
    if p.weights_first:
        acc = np.take(top, p.columns.low, axis=2) * (fy[1] * fx[1])
        acc += np.take(top, p.columns.high, axis=2) * (fy[1] * fx[0])
        acc += np.take(bottom, p.columns.low, axis=2) * (fy[0] * fx[1])
        acc += np.take(bottom, p.columns.high, axis=2) * (fy[0] * fx[0])
        return acc
    acc = np.take(top, p.columns.low, axis=2) * fy[1] * fx[1]
    acc += np.take(bottom, p.columns.low, axis=2) * fy[0] * fx[1]
    acc += np.take(top, p.columns.high, axis=2) * fy[1] * fx[0]
    acc += np.take(bottom, p.columns.high, axis=2) * fy[0] * fx[0]
    return acc


def version(n: Node) -> int:
    options = n.options(ResizeBilinearOptions)
    return _resize.version(n, options, options.half_pixel_centers)


OP = Op(
    infer=_resize.infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "uint8": eval_uint8, "int8": eval_integer, "int16": eval_integer},
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    steps={
        "interpolate": "the four neighbours times their weights",
        "round": "sum / 2^20, halves away from zero (uint8: trunc(sum + 0.5)); XNNPACK: (sum + 2^21) >> 22",
    },
    version=version,
    refused=refused,
)

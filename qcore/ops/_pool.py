"""Windows of the pooling operators: geometry, padding, and a fold over the window.

A window is clipped to the image: what lies outside takes no part. TFLite: kernels/pooling.cc, kernels/padding.h
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qcore.numerics.window import Geometry, geometry, pad_with, patches
from qcore.op import Array, Node, Shape
from qcore.ops._activation import Bounds, bounds, integer_activation_range
from qcore.ops._movement import require_counts
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from tflite_schema import Padding, Pool2DOptions, TensorType

__all__ = ["Params", "fold", "infer", "prepare", "refused_gaps", "version", "window"]


@dataclass(frozen=True, slots=True)
class Params:
    """The window, how many of its taps lie inside the image [OH, OW, 1], and the range of the result."""

    geometry: Geometry
    taps: Array
    activation_range: Bounds


def window(n: Node) -> Geometry:
    """The window over operand 0, without the taps that never meet the image."""
    options, x = n.options(Pool2DOptions), n.input(0)
    n.require_shapes(x.rank == 4, f"operand has shape {x.shape}, expected [batch, height, width, channels]")
    size, kernel = (x.shape[1], x.shape[2]), (options.filter_height, options.filter_width)
    n.require(options.padding in (Padding.SAME, Padding.VALID), f"padding {options.padding!r} is not in the schema")
    padding: Literal["SAME", "VALID"] = "SAME" if options.padding == Padding.SAME else "VALID"
    try:
        g = geometry(size, kernel, (options.stride_h, options.stride_w), (1, 1), padding)
    except ValueError as error:
        n.require_shapes(False, str(error))
        raise
    axes = [_trim(*axis) for axis in zip(size, g.output, g.strides, g.kernel, g.pad_before, strict=True)]
    (height, top, bottom), (width, left, right) = axes
    return replace(g, kernel=(height, width), pad_before=(top, left), pad_after=(bottom, right))


def _trim(size: int, output: int, stride: int, kernel: int, before: int) -> tuple[int, int, int]:
    """(kernel, padding before, after) with only the taps first ... last - 1, which some window has in the image."""
    reach = max(0, output - 1) * stride
    first = max(0, before - reach)
    last = max(first + 1, min(kernel, size + before))
    before -= first
    return last - first, before, max(0, reach + last - first - size - before)


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    output, shape = window(n).output, n.input(0).shape
    return [(shape[0], *output, shape[3])]


def prepare(n: Node) -> Params:
    """float32: the fused activation's interval; integers: its integers, at the result's scale."""
    x, y = n.input(0), n.output()
    require_one_type(n)
    g, options = window(n), n.options(Pool2DOptions)
    taps = [_inside(*axis) for axis in zip(x.shape[1:3], g.output, g.strides, g.kernel, g.pad_before, strict=True)]
    counts = np.asarray((taps[0][:, None] * taps[1])[:, :, None], np.int32)
    if x.type == TensorType.FLOAT32:
        return Params(g, counts, bounds(n, options.fused_activation_function))
    require_zero_point_in_type(n, y)
    return Params(g, counts, integer_activation_range(n, options.fused_activation_function))


def _inside(size: int, output: int, stride: int, kernel: int, before: int) -> Array:
    origin = np.arange(output) * stride - before
    return np.minimum(kernel, size - origin) - np.maximum(0, -origin)


def fold(combine: np.ufunc, x: Array, g: Geometry, neutral: float) -> Array:
    """[N, H, W, C] -> [N, OH, OW, C]: `combine` over the taps of each window, rows first; padding is `neutral`."""
    y = pad_with(x, neutral, g)
    if g.output == (1, 1):  # one window, often the whole image
        return np.asarray(combine.reduce(patches(y, g), axis=(3, 4), dtype=y.dtype))
    for axis in (0, 1):
        kernel, stride, output = g.kernel[axis], g.strides[axis], g.output[axis]
        lead: tuple[slice, ...] = (slice(None),) * (axis + 1)
        taps = [y[(*lead, slice(k, k + (output - 1) * stride + 1, stride))] for k in range(kernel)]
        y = taps[0].copy()
        for tap in taps[1:]:
            combine(y, tap, out=y)
    return y


def refused_gaps(n: Node) -> str | None:
    """Why XNNPACK does not take the node, if that is its window."""
    o = n.options(Pool2DOptions)
    gaps = o.stride_h > o.filter_height or o.stride_w > o.filter_width
    return "its strides are larger than its window" if gaps else None


def version(n: Node) -> int:
    """The operator version the converter writes."""
    types = {n.input(0).type, n.output().type}
    return 3 if types == {TensorType.INT16} else 2 if n.input(0).type == TensorType.INT8 else 1

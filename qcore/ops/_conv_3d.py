"""Windows over volumes [N, D, H, W, C], and which positions of the small and the large volume a tap joins.

    large = small * stride - padding + tap * dilation          along each axis

CONV_3D reads the large volume and makes the small one, CONV_3D_TRANSPOSE the reverse. Taps outside take no part.
TFLite: kernels/conv3d.cc, kernels/conv3d_transpose.cc; kernels/padding.h
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from qcore.numerics.window import geometry
from qcore.op import Array, Node, Shape
from qcore.ops._activation import Bounds, bounds, clamp
from tflite_schema import Conv3DOptions, Padding, TensorType

__all__ = ["Params", "Window", "add_bias", "check_operands", "prepare", "taps", "window"]

Triple = tuple[int, int, int]
Slices = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Window:
    """Every triple is (depth, height, width); `padding` is what lies before the large volume."""

    kernel: Triple
    strides: Triple
    dilations: Triple
    padding: Triple
    large: Triple
    small: Triple


@dataclass(frozen=True, slots=True)
class Params:
    """The window, the result's shape and the fused activation's interval."""

    window: Window
    shape: Shape
    activation: Bounds


def check_operands(n: Node, x_position: int, bias_position: int, channel_axis: int) -> None:
    """ModelError or ShapeError unless operand, filter (operand 1) and bias have types and shapes that fit."""
    x, w, bias = n.input(x_position), n.input(1), n.optional_input(bias_position)
    types = {t.type for t in (x, w, bias, n.output()) if t is not None}
    n.require(types == {TensorType.FLOAT32}, f"operand, filter, bias and result must be float32, not {n.types}")
    n.require_shapes(x.rank == 5, f"operand has shape {x.shape}, expected [batch, depth, height, width, channels]")
    n.require_shapes(w.rank == 5, f"filter has shape {w.shape}, expected five dimensions")
    n.require_shapes(
        w.shape[channel_axis] == x.shape[4], f"filter of shape {w.shape} does not take {x.shape[4]} channels"
    )
    n.require_shapes(0 not in (*x.shape[1:], *w.shape), f"operand {x.shape} or filter {w.shape} is empty")
    channels = w.shape[7 - channel_axis]
    if bias is not None:
        count = int(np.prod(bias.shape, dtype=np.int64))
        n.require_shapes(count == channels, f"bias of shape {bias.shape} for {channels} channels")


def window(n: Node, large: Triple, kernel: Triple) -> Window:
    """The window of the options over the large volume."""
    o = n.options(Conv3DOptions)
    n.require(o.padding in (Padding.SAME, Padding.VALID), f"padding {o.padding!r} is not in the schema")
    padding: Literal["SAME", "VALID"] = "SAME" if o.padding == Padding.SAME else "VALID"
    strides = (o.stride_d, o.stride_h, o.stride_w)
    dilations = (o.dilation_d_factor, o.dilation_h_factor, o.dilation_w_factor)
    try:
        axes = [
            geometry((size, 1), (k, 1), (stride, 1), (dilation, 1), padding)
            for size, k, stride, dilation in zip(large, kernel, strides, dilations, strict=True)
        ]
    except ValueError as error:
        n.require_shapes(False, str(error))
        raise
    before = (axes[0].pad_before[0], axes[1].pad_before[0], axes[2].pad_before[0])
    small = (axes[0].output[0], axes[1].output[0], axes[2].output[0])
    return Window(kernel, strides, dilations, before, large, small)


def prepare(n: Node, w: Window) -> Params:
    """The window with the result's shape and activation; the optimized kernel's own dilation is refused."""
    if n.kernels.name != "reference" and max(w.dilations) > 1:
        raise n.unsupported("TFLite's optimized kernel reads other data where it is dilated; use kernels='reference'")
    return Params(w, n.output().shape, bounds(n, n.options(Conv3DOptions).fused_activation_function))


def taps(w: Window) -> Iterator[tuple[Triple, Slices, Slices]]:
    """(tap, positions in the small volume, positions in the large one) of every tap that joins any."""
    axes = zip(w.kernel, w.strides, w.dilations, w.padding, w.large, w.small, strict=True)
    joined = [list(_along(*axis)) for axis in axes]
    for (d, sd, ld), (h, sh, lh), (x, sx, lx) in product(*joined):
        yield (d, h, x), (sd, sh, sx), (ld, lh, lx)


def _along(
    kernel: int, stride: int, dilation: int, before: int, large: int, small: int
) -> Iterator[tuple[int, slice, slice]]:
    for tap in range(kernel):
        offset = tap * dilation - before
        first = max(0, -(offset // stride))
        last = min(small - 1, (large - 1 - offset) // stride)
        if first <= last:
            start = first * stride + offset
            yield tap, slice(first, last + 1), slice(start, last * stride + offset + 1, stride)


def add_bias(acc: Array, bias: Array | None, p: Params) -> Array:
    """clamp(acc + bias)"""
    if bias is not None:
        acc = acc + bias.reshape(-1)
    return clamp(acc.copy(), p.activation)

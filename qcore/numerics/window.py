"""Sliding windows over [N, H, W, C]: output sizes, padding, and the view of all patches.

TFLite: kernels/padding.h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How a window moves over an image; every pair is (height, width)."""

    kernel: Pair
    strides: Pair
    dilations: Pair
    pad_before: Pair
    pad_after: Pair
    output: Pair


def geometry(
    input_hw: Pair, kernel_hw: Pair, strides: Pair, dilations: Pair, padding: Literal["SAME", "VALID"]
) -> Geometry:
    """Output size and padding along both axes.

    e = (kernel - 1) * dilation + 1
    SAME:  output = ceil(input / stride)                    VALID:  output = (input + stride - e) / stride
    total = max(0, (output - 1) * stride + e - input);  before = total / 2, after = the rest

    Raises ValueError for sizes that are not positive and for a window larger than a VALID image.
    """
    if min(*kernel_hw, *strides, *dilations) <= 0 or min(input_hw) < 0:
        raise ValueError(
            f"window of kernel {kernel_hw}, strides {strides}, dilations {dilations} on an image {input_hw}"
        )
    axes = [
        _axis(size, kernel, stride, dilation, padding)
        for size, kernel, stride, dilation in zip(input_hw, kernel_hw, strides, dilations, strict=True)
    ]
    (top, bottom, height), (left, right, width) = axes
    return Geometry(kernel_hw, strides, dilations, (top, left), (bottom, right), (height, width))


def _axis(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int, int]:
    extent = (kernel - 1) * dilation + 1
    if padding == "SAME":
        output = -(-size // stride)
        total = max(0, (output - 1) * stride + extent - size)
        return total // 2, total - total // 2, output
    if padding != "VALID":
        raise ValueError(f"padding {padding!r} is neither SAME nor VALID")
    if size < extent:
        raise ValueError(f"window of extent {extent} does not fit an image of size {size} without padding")
    return 0, 0, (size + stride - extent) // stride


def offset_and_pad(x: NDArray[Any], zero_point: int, g: Geometry) -> NDArray[np.float32]:
    """x - zero_point as float32 (exact for 8 and 16 bits), with borders of zeros: [N, H + pads, W + pads, C]."""
    y, inner = _bordered(x, np.dtype(np.float32), 0, g)
    if zero_point:
        np.subtract(x, np.float32(zero_point), out=inner, dtype=np.float32)
    else:
        inner[...] = x
    return y


def pad_with(x: NDArray[Any], value: float, g: Geometry) -> NDArray[Any]:
    """x with borders of `value`, same dtype; x itself when there is nothing to add."""
    if not any((*g.pad_before, *g.pad_after)):
        return x
    y, inner = _bordered(x, x.dtype, value, g)
    inner[...] = x
    return y


def _bordered(x: NDArray[Any], dtype: np.dtype[Any], value: float, g: Geometry) -> tuple[NDArray[Any], NDArray[Any]]:
    """An array with its borders filled, and the view of its inner part, which is not."""
    (top, left), (bottom, right) = g.pad_before, g.pad_after
    n, height, width, channels = x.shape
    y = np.empty((n, height + top + bottom, width + left + right, channels), dtype)
    y[:, :top] = value
    y[:, top + height :] = value
    y[:, top : top + height, :left] = value
    y[:, top : top + height, left + width :] = value
    return y, y[:, top : top + height, left : left + width]


def patches(x_padded: NDArray[Any], g: Geometry) -> NDArray[Any]:
    """A read-only view [N, OH, OW, KH, KW, C] of the padded image; nothing is copied."""
    n, height, width, channels = x_padded.shape
    for size, output, stride, kernel, dilation in zip(
        (height, width), g.output, g.strides, g.kernel, g.dilations, strict=True
    ):
        if output > 0 and (output - 1) * stride + (kernel - 1) * dilation + 1 > size:
            raise ValueError(f"padded image {(height, width)} is too small for {g}")
    sn, sh, sw, sc = x_padded.strides
    return np.lib.stride_tricks.as_strided(
        x_padded,
        (n, *g.output, *g.kernel, channels),
        (sn, sh * g.strides[0], sw * g.strides[1], sh * g.dilations[0], sw * g.dilations[1], sc),
        writeable=False,
    )


def tap_counts(input_hw: Pair, g: Geometry) -> NDArray[np.int64]:
    """How many taps of each window lie inside the image: [OH, OW, 1] (the divisor of an average pool)."""
    counts = []
    for size, output, stride, kernel, dilation, before in zip(
        input_hw, g.output, g.strides, g.kernel, g.dilations, g.pad_before, strict=True
    ):
        taps = np.arange(output)[:, None] * stride - before + np.arange(kernel) * dilation
        counts.append(((taps >= 0) & (taps < size)).sum(axis=1))
    return np.asarray((counts[0][:, None] * counts[1])[:, :, None], np.int64)

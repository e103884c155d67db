"""Where a transposed convolution adds its products up: every tap of every window has a place in the result.

TFLite: internal/reference/transpose_conv.h
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from qcore.numerics.window import Geometry
from qcore.op import Shape

__all__ = ["canvas", "places", "scatter"]


def canvas(g: Geometry, shape: Shape, dtype: DTypeLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Zeros with room for every window, and the view of them that is an image of `shape`."""
    (height, width), (kh, kw), (sh, sw), (top, left) = g.output, g.kernel, g.strides, g.pad_before
    n, oh, ow, outputs = shape
    room = max((height - 1) * sh + kh, top + oh), max((width - 1) * sw + kw, left + ow)
    whole = np.zeros((n, *room, outputs), dtype)
    return whole, whole[:, top : top + oh, left : left + ow]


def places(whole: NDArray[Any], g: Geometry, tap: tuple[int, int]) -> NDArray[Any]:
    """The view [N, H, W, O] of where a tap of each window falls."""
    (height, width), (sh, sw), (i, j) = g.output, g.strides, tap
    return whole[:, i : i + (height - 1) * sh + 1 : sh, j : j + (width - 1) * sw + 1 : sw]


def scatter(products: NDArray[Any], g: Geometry, shape: Shape) -> NDArray[Any]:
    """Products [N, H, W, KH * KW * O] added up at their places in an image of `shape`; what falls outside is lost."""
    whole, image = canvas(g, shape, products.dtype)
    taps = products.reshape(shape[0], *g.output, *g.kernel, shape[3])
    for tap in np.ndindex(g.kernel):
        places(whole, g, tap)[...] += taps[:, :, :, tap[0], tap[1]]
    return np.ascontiguousarray(image)

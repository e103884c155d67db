"""Indices that name a slice by its first coordinates: the last dimension of GATHER_ND's and SCATTER_ND's indices.

TFLite: internal/reference/reference_ops.h (GatherNd, ScatterNd)
"""

from __future__ import annotations

import math

import numpy as np

from qcore.op import Array, Shape
from qcore.ops._movement import check_indices

__all__ = ["rows"]


def rows(index: Array, shape: Shape, place: str) -> Array:
    """The number of each named slice, counted over the first index.shape[-1] dimensions of `shape`: int64, flat.

    Raises ModelError where a coordinate lies outside its dimension.
    """
    depth = index.shape[-1]
    check_indices(index, np.array(shape[:depth], np.int64), place)
    strides = [math.prod(shape[axis + 1 : depth]) for axis in range(depth)]
    flat: Array = index.astype(np.int64).reshape(math.prod(index.shape[:-1]), depth) @ np.array(strides, np.int64)
    return flat

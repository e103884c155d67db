"""Windows that an index tensor places in an operand: what STABLEHLO_GATHER and STABLEHLO_SCATTER share.

Each index vector, read along `index_vector_dim`, names a window's first coordinates in the dimensions that a map lists;
the window starts at 0 in the others. Dimensions that the window leaves out have size 1 in it.

TFLite: kernels/tensor_slice_util.{h,cc}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Node
from qcore.ops._movement import INTEGER_INDICES, require_types

__all__ = ["dimensions", "require_index", "starts"]


def dimensions(n: Node, name: str, values: Iterable[int] | None, rank: int) -> tuple[int, ...]:
    """A list of dimensions from the options; ShapeError unless they are distinct and within `rank`."""
    listed = () if values is None else tuple(int(value) for value in values)
    fits = len(set(listed)) == len(listed) and all(0 <= value < rank for value in listed)
    n.require_shapes(fits, f"{name} {listed} must be distinct dimensions of a rank of {rank}")
    return listed


def require_index(n: Node, index_vector_dim: int, mapped: int) -> None:
    """ShapeError unless operand 1 holds vectors of `mapped` coordinates along `index_vector_dim`."""
    index = require_types(n, 1, INTEGER_INDICES, "indices")
    n.require_shapes(
        0 <= index_vector_dim < index.rank and index.shape[index_vector_dim] == mapped,
        f"indices of shape {index.shape} hold no vectors of {mapped} coordinates along index_vector_dim "
        f"{index_vector_dim}",
    )


def starts(index: Array, index_vector_dim: int, mapped: Sequence[int], rank: int, place: str) -> Array:
    """The first coordinates of every window: int64 [rank, *batch]; ModelError where one is negative."""
    vectors = np.moveaxis(index, index_vector_dim, 0)
    if (vectors < 0).any():
        raise ModelError(f"{place}: a window starts at {int(vectors.min())}, expected 0 or more")
    first = np.zeros((rank, *vectors.shape[1:]), np.int64)
    first[list(mapped)] = vectors
    return first

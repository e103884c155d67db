"""Reductions over axes: which axes, the result's shape, and folding in the order of TFLite's loop.

Operand 1 holds the axes (int32): negative ones count from the end, repeated ones count once, a scalar operand has none.
TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import math

import numpy as np

from qcore.op import Array, Node, Shape
from qcore.ops._movement import axis_in, require_counts, require_types
from tflite_schema import ReducerOptions, TensorType

__all__ = ["axes", "count", "infer", "rows"]


def axes(n: Node) -> tuple[int, ...] | None:
    """The axes to reduce, ascending; None while they are not known."""
    require_counts(n, 2)
    require_types(n, 1, (TensorType.INT32,), "axes")
    values, rank = n.integers(1), n.input(0).rank
    if values is None:
        return None
    return tuple(sorted({axis_in(n, axis, rank) for axis in values})) if rank else ()


def infer(n: Node) -> list[Shape | None]:
    """The operand's shape without the reduced axes; they stay as ones where keep_dims."""
    reduced, x = axes(n), n.input(0)
    if reduced is None:
        return [None]
    keep = n.options(ReducerOptions).keep_dims
    return [tuple(1 if i in reduced else size for i, size in enumerate(x.shape) if keep or i not in reduced)]


def count(x: Shape, reduced: tuple[int, ...]) -> int:
    """How many elements make one element of the result."""
    return math.prod(x[i] for i in reduced)


def rows(x: Array, reduced: tuple[int, ...]) -> Array:
    """[elements of one result, results], each column in the order in which TFLite's loop meets it."""
    kept = [i for i in range(x.ndim) if i not in reduced]
    n = count(x.shape, reduced)
    return np.ascontiguousarray(x.transpose(*reduced, *kept).reshape(n, -1 if n else count(x.shape, tuple(kept))))

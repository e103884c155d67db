"""SPLIT_V: the operand cut along an axis into parts of given sizes; one size of -1 stands for what is left.

Sizes: an int32 or int64 vector (operand 1); axis: one int32 (operand 2).

TFLite: kernels/split_v.cc; internal/reference/reference_ops.h (Split)
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    COMMON,
    INTEGER_INDICES,
    axis_operand,
    kernels,
    require_counts,
    require_same_type,
    require_types,
    version,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import SplitVOptions, TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, (3, 3), "any")
    parts, count = n.options(SplitVOptions).num_splits, len(n.outputs)
    n.require(parts == count, f"num_splits is {parts}, but there are {count} results")
    sizes = require_types(n, 1, INTEGER_INDICES, "sizes")
    n.require_shapes(sizes.shape == (count,), f"sizes have shape {sizes.shape}, expected ({count},)")
    plan = _plan(n)
    if plan is None:
        return [None] * count
    axis, bounds = plan
    shape = n.input(0).shape
    edges = [0, *bounds, shape[axis]]
    return [(*shape[:axis], after - before, *shape[axis + 1 :]) for before, after in pairwise(edges)]


def _plan(n: Node) -> tuple[int, list[int]] | None:
    """(axis, where each part but the last ends), None while not known."""
    shape = n.input(0).shape
    axis, sizes = axis_operand(n, 2, len(shape), (TensorType.INT32,)), n.integers(1)
    if axis is None or sizes is None:
        return None
    left = shape[axis] - sum(size for size in sizes if size != -1)
    fits = sizes.count(-1) <= 1 and all(size >= -1 for size in sizes) and (left >= 0 if -1 in sizes else left == 0)
    n.require_shapes(fits, f"sizes {sizes} do not cut dimension {axis} of {shape}")
    ends = np.cumsum([left if size == -1 else size for size in sizes])
    return axis, [int(end) for end in ends[:-1]]


def prepare(n: Node) -> tuple[int, list[int]]:
    """(axis, where each part but the last ends)."""
    require_same_type(n, n.input(0), *n.outputs)
    plan = _plan(n)
    assert plan is not None
    return plan


def eval_any(p: tuple[int, list[int]], inputs: list[Array], ctx: Context) -> list[Array]:
    axis, ends = p
    return list(np.split(inputs[0], ends, axis))


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version(int8=2),
)

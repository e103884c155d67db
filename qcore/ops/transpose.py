"""TRANSPOSE: dimensions in another order.

    y.shape[i] = x.shape[perm[i]]; perm is an int32 vector, counted from the end where negative; up to 6 dimensions

TFLite: kernels/transpose.cc; internal/reference/transpose.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import refused_movement
from qcore.ops._movement import COMMON, axis_in, kernels, require_counts, require_same_type, require_types
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 6


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    order = _permutation(n)
    shape = n.input(0).shape
    return [None if order is None else tuple(shape[axis] for axis in order)]


def _permutation(n: Node) -> tuple[int, ...] | None:
    x, operand = n.input(0), require_types(n, 1, (TensorType.INT32,), "the permutation")
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    n.require_shapes(operand.shape == (x.rank,), f"the permutation has shape {operand.shape}, expected ({x.rank},)")
    axes = n.integers(1)
    if axes is None:
        return None
    order = tuple(axis_in(n, axis, x.rank, "permuted dimension") for axis in axes)
    n.require_shapes(len(set(order)) == x.rank, f"permutation {axes} names a dimension twice")
    return order


def prepare(n: Node) -> tuple[int, ...]:
    require_same_type(n, n.input(0), n.output())
    order = _permutation(n)
    assert order is not None
    return order


def eval_any(p: tuple[int, ...], inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.ascontiguousarray(inputs[0].transpose(p)).reshape([inputs[0].shape[axis] for axis in p])]


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.INT4:
        return 7
    if x.rank > 5:
        return 6
    if x.type == TensorType.INT16:
        return 5
    if x.rank > 4:
        return 4
    return {TensorType.BOOL: 3, TensorType.INT8: 2}.get(x.type, 1)


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and a constant permutation."""
    if n.input(1).value is None:
        return "its permutation is not constant"
    if 0 in n.input(0).shape:
        return "it is empty"
    return refused_movement(n, n.input(0), n.output())


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "int4"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
    refused=refused,
)

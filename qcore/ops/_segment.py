"""Reductions of elements that share a segment: y[s] combines all x[i] with ids[i] = s, in order.

TFLite: kernels/segment_sum.cc, kernels/unsorted_segment.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Kernel, Node, Op, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import TensorType

__all__ = ["TYPES", "Params", "combine", "unsorted"]

TYPES = ("float32", "int32")


@dataclass(frozen=True, slots=True)
class Params:
    """The result's shape, and how many leading axes of the operand the ids cover."""

    shape: Shape
    leading: int


def combine(reduce: np.ufunc, start: float) -> Kernel:
    """The kernel that folds each segment with `reduce`, from `start`; elements with a negative id are left out."""

    def kernel(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
        x, ids = inputs[0], inputs[1].reshape(-1)
        x = x.reshape(ids.size, *p.shape[1:])
        y = np.full(p.shape, start if x.dtype.kind == "f" or start in (0, 1) else _integer_end(start), x.dtype)
        with np.errstate(all="ignore"):
            reduce.at(y, ids[ids >= 0], x[ids >= 0])
        return [ctx.trace("fold", y)]

    return kernel


def _integer_end(start: float) -> int:
    limits = np.iinfo(np.int32)
    return int(limits.min if start < 0 else limits.max)


def infer(n: Node) -> list[Shape | None]:
    """[segments, rest of the operand's shape]; the ids' shape is the beginning of the operand's."""
    require_counts(n, 3)
    x, ids = n.input(0), require_types(n, 1, (TensorType.INT32,), "segment ids")
    segments = require_types(n, 2, (TensorType.INT32,), "a number of segments")
    n.require_shapes(segments.shape in ((), (1,)), f"the number of segments has shape {segments.shape}")
    n.require_shapes(x.shape[: ids.rank] == ids.shape, f"ids of shape {ids.shape} do not fit the operand's {x.shape}")
    count, values = n.integers(2), ids.value
    if count is None or values is None:
        return [None]
    n.require_shapes(count[0] >= 0, f"the number of segments is {count[0]}")
    largest = int(values.max(initial=-1))
    n.require_shapes(largest < count[0], f"segment id {largest}, but there are {count[0]} segments")
    return [(count[0], *x.shape[ids.rank :])]


def prepare(n: Node) -> Params:
    n.require(n.input(0).type == n.output().type, f"operand and result must have one type, not {n.types}")
    return Params(n.output().shape, n.input(1).rank)


def unsorted(reduce: np.ufunc, start: float, step: str) -> Op:
    """An UNSORTED_SEGMENT operator: ids in any order, the number of segments in operand 2."""
    return Op(infer=infer, prepare=prepare, kernels=dict.fromkeys(TYPES, combine(reduce, start)), steps={"fold": step})

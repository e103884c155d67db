"""SCATTER_ND: updates added into zeros, each slice at the coordinates its index names.

    y[indices[i, 0], indices[i, 1], ...] += updates[i], in order; integers wrap, booleans are or-ed

Indices (operand 0) and the result's shape (operand 2): int32.

TFLite: kernels/scatter_nd.cc; internal/reference/reference_ops.h (ScatterNd)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import kernels, require_counts, require_same_type, require_types
from qcore.ops._nd_index import rows
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The result's shape, and the place for messages about an index."""

    shape: Shape
    place: str


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 3)
    index, updates = require_types(n, 0, (TensorType.INT32,), "indices"), n.input(1)
    wanted = require_types(n, 2, (TensorType.INT32,), "the shape")
    n.require_shapes(
        index.rank > 0 and updates.rank > 0 and wanted.rank == 1,
        f"indices, updates and shape have shapes {index.shape}, {updates.shape} and {wanted.shape}",
    )
    values = n.integers(2)
    if values is None:
        return [None]
    shape = tuple(values)
    depth = index.shape[-1]
    fits = depth <= len(shape) and updates.shape == (*index.shape[:-1], *shape[depth:])
    n.require_shapes(fits, f"updates of shape {updates.shape} do not fit indices {index.shape} into {shape}")
    return [shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(1), n.output())
    return Params(n.output().shape, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    index, updates, _ = inputs
    depth = index.shape[-1]
    y = np.zeros((math.prod(p.shape[:depth]), math.prod(p.shape[depth:])), updates.dtype)
    np.add.at(y, rows(index, p.shape, p.place), updates.reshape(math.prod(index.shape[:-1]), y.shape[1]))
    return [y.reshape(p.shape)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "uint8", "int32", "int64", "bool"),
    rules=Rules(inputs=(untouched(), activation(), untouched()), outputs=(same_as(1),)),
    typed_by=1,
)

"""SPARSE_TO_DENSE: a result filled with a default, then values written at the indices that are given.

    y[indices[i]] = values[i], in order

Operands: indices (one, [N] or [N, rank]) and shape (vector), int32 or int64; values (one or [N]); the default.
Up to 4 dimensions.

TFLite: kernels/sparse_to_dense.cc; internal/reference/reference_ops.h (SparseToDense)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    INTEGER_INDICES,
    kernels,
    require_counts,
    require_same_type,
    require_types,
    version,
)
from qcore.ops._nd_index import rows
from qcore.rules import Rules, activation, untouched

_MOST_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class Params:
    """The result's shape, and the place for messages about an index."""

    shape: Shape
    place: str


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 4)
    index, wanted = (require_types(n, i, INTEGER_INDICES, what) for i, what in ((0, "indices"), (1, "the shape")))
    values, default = n.input(2), n.input(3)
    n.require_shapes(math.prod(default.shape) == 1, f"the default has shape {default.shape}, expected one element")
    n.require_shapes(wanted.rank == 1, f"the shape operand has {wanted.rank} dimensions, expected 1")
    n.require_shapes(index.rank < 3, f"indices have shape {index.shape}, expected up to two dimensions")
    rank = wanted.shape[0]
    if rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    depth = index.shape[1] if index.rank == 2 else 1
    n.require_shapes(depth == rank, f"indices name {depth} coordinates of a rank of {rank}")
    count = index.shape[0] if index.rank else 1
    single = values.shape == () and count == 1
    n.require_shapes(single or values.shape == (count,), f"values have shape {values.shape}, expected ({count},)")
    shape = n.integers(1)
    return [None if shape is None else tuple(shape)]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(2), n.input(3), n.output())
    return Params(n.output().shape, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    index, _, values, default = inputs
    y = np.full(math.prod(p.shape), default.reshape(()), values.dtype)
    index = index if index.ndim == 2 else index.reshape(-1, 1)
    flat = rows(index, p.shape, p.place)
    if values.ndim:
        # Of equal indices the last one counts, and NumPy does not promise an order.
        flat, last = np.unique(flat[::-1], return_index=True)
        values = values[::-1][last]
    y[flat] = values
    return [y.reshape(p.shape)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "uint8", "int32", "int64"),
    rules=Rules(inputs=(untouched(), untouched(), activation(), activation()), quantizable=frozenset({"int8"})),
    version=version(operand=2, int64=2, int8=3, uint8=3),
    typed_by=2,
)

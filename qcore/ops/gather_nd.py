"""GATHER_ND: slices of the operand, each named by its first coordinates.

    y[i] = x[indices[i, 0], indices[i, 1], ...]

Indices: int16, int32 or int64, not negative; their last dimension is at most x's rank.

TFLite: kernels/gather_nd.cc; internal/reference/reference_ops.h (GatherNd)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, INTEGER_INDICES, kernels, require_counts, require_same_type, require_types
from qcore.ops._nd_index import rows
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The result's shape, and the place for messages about an index."""

    shape: Shape
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, index = n.input(0), require_types(n, 1, (TensorType.INT16, *INTEGER_INDICES), "indices")
    n.require_shapes(x.rank > 0 and index.rank > 0, f"shapes {x.shape} and {index.shape}; both need a dimension")
    depth = index.shape[-1]
    n.require_shapes(depth <= x.rank, f"indices name {depth} coordinates of a rank of {x.rank}")
    return [(*index.shape[:-1], *x.shape[depth:])]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    index = n.input(1)
    empty = index.shape[-1] == 0 < math.prod(index.shape[:-1])
    if n.kernels.version == "litert-2.3" and empty and index.value is None:
        raise n.unsupported("LiteRT 2.3 refuses computed indices without coordinates; use kernels='reference'")
    return Params(n.output().shape, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, index = inputs
    depth = index.shape[-1]
    slices = x.reshape(math.prod(x.shape[:depth]), math.prod(x.shape[depth:]))
    return [slices[rows(index, x.shape, p.place)].reshape(p.shape)]


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.BOOL:
        return 5
    if n.input(1).type == TensorType.INT16:
        return 4
    return {TensorType.INT16: 3, TensorType.STRING: 2}.get(x.type, 1)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "float16", "bfloat16", "string"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

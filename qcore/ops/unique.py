"""UNIQUE: the different values of a vector in the order in which they appear, and for each element which one it is.

    x = values[indices]

Values are compared as they are; -0.0 equals 0.0. A NaN is refused: TFLite looks values up in an order that has no place
for it.

TFLite: kernels/unique.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, require_counts
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType, UniqueOptions


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 1, 2)
    x = n.input(0)
    n.require_shapes(x.rank == 1, f"operand has shape {x.shape}, expected a vector")
    if x.value is None:
        return [None, x.shape]
    n.require(x.value.dtype.kind != "f" or not np.isnan(x.value).any(), "the operand holds a NaN")
    return [(np.unique(x.value).size,), x.shape]


def prepare(n: Node) -> np.dtype[np.int32] | np.dtype[np.int64]:
    """The type of the indices."""
    x, values, indices, asked = n.input(0), n.output(0), n.output(1), n.options(UniqueOptions).idx_out_type
    n.require(x.type == values.type, f"operand and values must have one type, not {n.types}")
    n.require(
        indices.type == asked and asked in INTEGER_INDICES,
        f"indices are {indices.type.name}, the options say {getattr(asked, 'name', asked)}; expected INT32 or INT64",
    )
    return np.dtype(np.int32) if asked == TensorType.INT32 else np.dtype(np.int64)


def eval_any(p: np.dtype[np.int32], inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    _, first, which = np.unique(x, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return [x[first[order]], rank[which.reshape(x.shape)].astype(p)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int16", "int32", "int64"), eval_any),
    rules=Rules(inputs=(activation(),), outputs=(activation(), untouched()), quantizable=frozenset({"int8"})),
)

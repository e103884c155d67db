"""ONE_HOT: one value where an index points along a new axis, another everywhere else.

    y[..., j, ...] = on if index = j else off          j = 0 ... depth - 1 along `axis` (-1: the last)

Operands: indices, depth, on, off. Indices outside give `off` throughout; those of int64 are cut to 32 bits.

TFLite: kernels/one_hot.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, require_counts, require_types
from qcore.rules import Rules, activation, untouched
from tflite_schema import OneHotOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The new axis and its length."""

    axis: int
    depth: int


def _params(n: Node) -> Params | None:
    require_counts(n, 4)
    indices = require_types(n, 0, INTEGER_INDICES, "indices")
    require_types(n, 1, (TensorType.INT32,), "a depth")
    for position, what in ((1, "depth"), (2, "on value"), (3, "off value")):
        shape = n.input(position).shape
        n.require_shapes(all(size == 1 for size in shape), f"the {what} has shape {shape}, expected one number")
    axis = n.options(OneHotOptions).axis
    axis = indices.rank if axis == -1 else axis
    n.require_shapes(0 <= axis <= indices.rank, f"axis {axis} is outside a rank of {indices.rank + 1}")
    depth = n.integers(1)
    if depth is None:
        return None
    n.require_shapes(depth[0] >= 0, f"the depth is {depth[0]}")
    return Params(axis, depth[0])


def infer(n: Node) -> list[Shape | None]:
    p, shape = _params(n), n.input(0).shape
    return [None if p is None else (*shape[: p.axis], p.depth, *shape[p.axis :])]


def prepare(n: Node) -> Params:
    same = n.input(2).type == n.input(3).type == n.output().type
    n.require(same, f"the on and off values and the result must have one type, not {n.types}")
    p = _params(n)
    assert p is not None
    return p


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    indices, _, on, off = inputs
    places = np.arange(p.depth, dtype=np.int32).reshape(-1, *(1,) * (indices.ndim - p.axis))
    hot = np.expand_dims(indices.astype(np.int32), p.axis) == places
    return [np.where(hot, on.reshape(()), off.reshape(()))]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int32", "int64", "bool"), eval_any),
    rules=Rules(inputs=(untouched(), untouched(), activation(), activation()), quantizable=frozenset({"int8"})),
    typed_by=2,
)

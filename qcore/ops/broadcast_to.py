"""BROADCAST_TO: the operand repeated along its dimensions of 1 and along new leading ones, up to a given shape.

The shape: an int32 or int64 vector; up to 8 dimensions. Any type but strings.

TFLite: kernels/broadcast_to.cc; internal/reference/broadcast_to.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, require_counts, require_same_type, require_types, version
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 8


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    x, wanted = n.input(0), require_types(n, 1, INTEGER_INDICES, "the shape")
    n.require_shapes(wanted.rank == 1, f"the shape operand has {wanted.rank} dimensions, expected 1")
    if wanted.shape[0] > _MOST_DIMENSIONS:
        raise n.unsupported(f"{wanted.shape[0]} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    values = n.integers(1)
    if values is None:
        return [None]
    matched = values[len(values) - x.rank :]
    fits = x.rank <= len(values) and all(size in (1, to) for size, to in zip(x.shape, matched, strict=True))
    n.require_shapes(fits, f"shape {x.shape} cannot be broadcast to {values}")
    return [tuple(values)]


def prepare(n: Node) -> Shape:
    """The result's shape."""
    if n.input(0).type == TensorType.STRING:
        raise n.unsupported("strings cannot be broadcast")
    require_same_type(n, n.input(0), n.output())
    return n.output().shape


def eval_any(p: Shape, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.ascontiguousarray(np.broadcast_to(inputs[0], p)).reshape(p)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version(2, int8=3, int16=3),
)

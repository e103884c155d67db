"""BROADCAST_ARGS: the shape to which two shapes broadcast, all of them int32 or int64 vectors.

TFLite: kernels/broadcast_args.cc; internal/reference/broadcast_args.h
"""

from __future__ import annotations

import numpy as np

from qcore.errors import ShapeError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import kernels, require_counts, require_same_type


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    a, b = n.input(0), n.input(1)
    n.require_shapes(a.rank == b.rank == 1, f"operands have shapes {a.shape} and {b.shape}, expected vectors")
    return [max(a.shape, b.shape)]


def prepare(n: Node) -> str:
    """The place for messages about shapes that do not broadcast."""
    require_same_type(n, n.input(0), n.input(1), n.output())
    return n.place


def eval_integer(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    count = max(len(inputs[0]), len(inputs[1]))
    a, b = (np.concatenate([np.ones(count - len(x), x.dtype), x]) for x in inputs)
    if ((a != b) & (a != 1) & (b != 1)).any():
        raise ShapeError(f"{p}: shapes {inputs[0].tolist()} and {inputs[1].tolist()} do not broadcast together")
    return [np.where(a == 1, b, a)]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_integer, "int32", "int64"))

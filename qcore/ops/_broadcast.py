"""Shapes and activation of the elementwise binary family (ADD, SUB, MUL, ...)."""

from __future__ import annotations

import numpy as np

from qcore.op import Node, Shape

__all__ = ["broadcast_shape", "infer_broadcast"]


def broadcast_shape(n: Node, *shapes: Shape) -> Shape:
    """The common shape of operands that broadcast; ShapeError with the place where they do not."""
    try:
        return tuple(int(size) for size in np.broadcast_shapes(*shapes))
    except ValueError:
        n.require_shapes(False, f"shapes {' and '.join(map(str, shapes))} do not broadcast together")
        raise


def infer_broadcast(n: Node) -> list[Shape]:
    """One result: the broadcast of the two operands."""
    n.require(len(n.inputs) == 2, f"takes 2 operands, the file gives {len(n.inputs)}")
    return [broadcast_shape(n, n.input(0).shape, n.input(1).shape)]

"""ZEROS_LIKE: zeros of the operand's shape and type.

TFLite: kernels/zeros_like.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import kernels, require_counts, require_same_type


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [n.input(0).shape]


def prepare(n: Node) -> None:
    require_same_type(n, n.input(0), n.output())


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.zeros_like(inputs[0])]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, "float32", "int32", "int64"))

"""DENSIFY: a sparse constant written out in full; unwritten elements are 0.

The constant is already dense where the interpreter holds it (Model.constant), so the kernel passes it on.

TFLite: kernels/densify.cc; internal/utils/sparsity_format_converter.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import kernels, require_counts, require_same_type


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [n.input(0).shape]


def prepare(n: Node) -> None:
    x = n.input(0)
    require_same_type(n, x, n.output())
    n.require(x.value is not None, "the operand must be a constant")


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.asarray(inputs[0])]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, "float32", "int8", "float16"), sparse=True)

"""MATRIX_DIAG: a square matrix for each vector, the vector on its diagonal and 0 elsewhere.

    y[..., i, j] = x[..., i] where i = j, else 0: the integer 0, whatever the zero point

TFLite: kernels/matrix_diag.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, kernels, require_counts, require_same_type
from qcore.rules import Rules


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    shape = n.input(0).shape
    n.require_shapes(len(shape) > 0, "a scalar has no diagonal")
    return [(*shape, shape[-1])]


def prepare(n: Node) -> None:
    require_same_type(n, n.input(0), n.output())


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    y = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    index = np.arange(x.shape[-1])
    y[..., index, index] = x
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(quantizable=frozenset({"int8"})),
)

"""MATRIX_SET_DIAG: the operand with other values on the diagonal of each of its matrices.

    y[..., i, j] = diagonal[..., i] where i = j, else x[..., i, j]

TFLite: kernels/matrix_set_diag.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, kernels, require_counts, require_same_type
from qcore.rules import Rules


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    shape, diagonal = n.input(0).shape, n.input(1).shape
    n.require_shapes(len(shape) > 1, f"shape {shape} holds no matrix")
    expected = (*shape[:-2], min(shape[-2:]))
    n.require_shapes(diagonal == expected, f"the diagonal has shape {diagonal}, expected {expected}")
    return [shape]


def prepare(n: Node) -> None:
    require_same_type(n, n.input(0), n.input(1), n.output())


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    y = inputs[0].copy()
    index = np.arange(inputs[1].shape[-1])
    y[..., index, index] = inputs[1]
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(quantizable=frozenset({"int8"})),
)

"""ADD_N: y = the sum of two or more operands of one shape, from the left, each float sum clamped to the finite range.

TFLite adds in one chain on one thread; with more threads and four operands or more, float sums are grouped otherwise.
TFLite: kernels/add_n.cc; internal/optimized/optimized_ops.h (AddN)
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._activation import clamp
from qcore.ops._scaling import require_one_type
from qcore.rules import Rules, activation, same_as


def infer(n: Node) -> list[Shape]:
    n.require(len(n.inputs) >= 2, f"takes 2 operands or more, the file gives {len(n.inputs)}")
    shapes = {n.input(position).shape for position in range(len(n.inputs))}
    n.require_shapes(len(shapes) == 1, f"operands must have one shape, not {' and '.join(map(str, sorted(shapes)))}")
    return [n.input(0).shape]


def prepare(n: Node) -> None:
    require_one_type(n)


def eval_add_n(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    y = inputs[0].copy()
    with np.errstate(all="ignore"):
        for x in inputs[1:]:
            y = clamp(np.asarray(y + x), (None, None))
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_add_n, "int32": eval_add_n},
    rules=Rules(inputs=(activation(), same_as(0)), outputs=(same_as(0),), quantizable=frozenset()),
)

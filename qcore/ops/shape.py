"""SHAPE: the operand's shape as an int32 or int64 vector. The values do not matter, so the result is known early.

TFLite: kernels/shape.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, require_counts
from qcore.rules import Rules, activation, untouched
from tflite_schema import ShapeOptions


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [(n.input(0).rank,)]


def prepare(n: Node) -> Array:
    """The result itself."""
    wanted = n.options(ShapeOptions).out_type
    if wanted not in INTEGER_INDICES:
        raise n.unsupported(f"out_type {wanted}; the kernel writes INT32 or INT64")
    n.require(n.output().type == wanted, f"out_type is {wanted.name}, but the result is {n.output().type.name}")
    return np.array(n.input(0).shape, n.output().dtype)


def eval_any(p: Array, inputs: list[Array], ctx: Context) -> list[Array]:
    return [p]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(
        inputs=(untouched(),),
        outputs=(untouched(),),
        by_scheme={"int16x8": Rules(inputs=(activation(),), outputs=(untouched(),))},
    ),
    shape_only=True,
)

"""RANK: the number of the operand's dimensions, a scalar int32. Known early: the values do not matter.

TFLite: kernels/rank.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.rules import Rules, untouched
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [()]


def prepare(n: Node) -> Array:
    """The result itself."""
    n.require(n.output().type == TensorType.INT32, f"the result is {n.output().type.name}, expected INT32")
    return np.array(n.input(0).rank, np.int32)


def eval_any(p: Array, inputs: list[Array], ctx: Context) -> list[Array]:
    return [p]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset({"int8"})),
    shape_only=True,
)

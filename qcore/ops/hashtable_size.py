"""HASHTABLE_SIZE: how many entries a table has, int64 [1].

TFLite: kernels/hashtable_size.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._hashtable import table
from qcore.ops._movement import require_counts
from qcore.ops._resource import require_handle
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    require_handle(n)
    return [(1,)]


def prepare(n: Node) -> str:
    """The place for messages about the table."""
    n.require(n.output().type == TensorType.INT64, f"the result is {n.output().type.name}, expected INT64")
    return n.place


def eval_any(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.array([len(table(inputs[0], ctx, None, p).entries)], np.int64)]


OP = Op(infer=infer, prepare=prepare, kernels={"any": eval_any})

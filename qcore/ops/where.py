"""WHERE: the coordinates of all elements that are true (not zero), row by row.

    y[i] = (d0, d1, ...) with x[d0, d1, ...] != 0          int64 [elements found, rank]

TFLite: kernels/where.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.rules import Rules, untouched
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 1)
    x = n.input(0)
    n.require_shapes(x.rank >= 1, "a scalar has no coordinates")
    return [None if x.value is None else (int(np.count_nonzero(x.value)), x.rank)]


def prepare(n: Node) -> None:
    n.require(n.output().type == TensorType.INT64, f"the result is {n.output().type.name}, expected INT64")


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.argwhere(inputs[0]).astype(np.int64, copy=False)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("bool", "float32", "uint8", "int8", "int32", "int64", "uint32"), eval_any),
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
    version=lambda n: 1 if n.input(0).type == TensorType.BOOL else 2,
)

"""SEGMENT_SUM: sums of neighbouring rows that share a segment.

    y[s] = sum of x[i] with ids[i] = s, in order          ids: 0, ..., 0, 1, ..., 1, 2, ...

Integers wrap; float32 is rounded at each step.

TFLite: kernels/segment_sum.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Node, Op, Shape
from qcore.ops import _segment
from qcore.ops._movement import require_counts, require_types
from qcore.ops._segment import Params
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    x, ids = n.input(0), require_types(n, 1, (TensorType.INT32,), "segment ids")
    n.require_shapes(x.rank >= 1, "a scalar has no rows")
    n.require_shapes(ids.shape == x.shape[:1], f"ids of shape {ids.shape} do not fit the operand's {x.shape}")
    if ids.value is None:
        return [None]
    steps = np.diff(ids.value.astype(np.int64), prepend=0)
    in_turn = bool(((steps == 0) | (steps == 1)).all()) and (not steps.size or steps[0] == 0)
    n.require_shapes(in_turn, "segment ids must begin with 0 and each be that before or the next")
    return [(int(ids.value.max(initial=-1)) + 1, *x.shape[1:])]


def prepare(n: Node) -> Params:
    n.require(n.input(0).type == n.output().type, f"operand and result must have one type, not {n.types}")
    return Params(n.output().shape, 1)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(_segment.TYPES, _segment.combine(np.add, 0)),
    steps={"fold": "sum(x) of each segment"},
)

"""RANGE: numbers from start towards limit, delta apart; limit itself is not among them.

    size = ceil(|limit - start| / |delta|)            float32: of the rounded quotient
    y    = start, start + delta, ...                  float32: rounded at each step

TFLite: kernels/range.cc
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_same_type
from qcore.rules import Rules, untouched
from tflite_schema import TensorType

_MOST = 2**31 - 1


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 3)
    operands = [n.input(i) for i in range(3)]
    require_same_type(n, *operands, n.output())
    for tensor in operands:
        n.require_shapes(tensor.rank == 0, f"operand has shape {tensor.shape}, expected a scalar")
    values: list[Any] = [tensor.value.reshape(())[()] for tensor in operands if tensor.value is not None]
    return [None] if len(values) < 3 else [(_size(n, *values),)]


def _size(n: Node, start: Any, limit: Any, delta: Any) -> int:
    ahead = (delta < 0 and start >= limit) or (delta > 0 and start <= limit)
    n.require(bool(ahead), f"steps of {delta} do not lead from {start} to {limit}")
    if isinstance(start, np.floating):
        with np.errstate(all="ignore"):
            quotient = float(np.abs((limit - start) / delta))
        n.require_shapes(quotient <= _MOST, f"{quotient} numbers from {start} to {limit}")
        return math.ceil(quotient)
    span, most = abs(int(limit) - int(start)) + abs(int(delta)) - 1, int(np.iinfo(start.dtype).max)
    n.require(span <= most, f"the way from {start} to {limit} leaves {start.dtype}")
    size = span // abs(int(delta))
    n.require_shapes(size <= _MOST, f"{size} numbers from {start} to {limit}")
    return size


def prepare(n: Node) -> int:
    return n.output().shape[0]


def eval_any(p: int, inputs: list[Array], ctx: Context) -> list[Array]:
    start, _, delta = inputs
    if start.dtype.kind == "i":
        with np.errstate(over="ignore"):
            return [start.reshape(()) + np.arange(p, dtype=start.dtype) * delta.reshape(())]
    steps = np.full(p, delta.reshape(()), start.dtype)
    steps[:1] = start.reshape(())
    with np.errstate(all="ignore"):
        return [np.add.accumulate(steps, dtype=start.dtype)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "int32", "int64"), eval_any),
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
    version=lambda n: 2 if n.input(0).type == TensorType.INT64 else 1,
)

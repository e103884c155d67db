"""SPLIT: the operand cut into equal parts along an axis (operand 0, one int32; the data is operand 1).

TFLite: kernels/split.cc; internal/reference/split.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import refused_movement
from qcore.ops._movement import COMMON, axis_operand, kernels, require_counts, require_same_type, version
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import SplitOptions, TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, (2, 2), "any")
    parts = n.options(SplitOptions).num_splits
    n.require(parts == len(n.outputs) and parts > 0, f"num_splits is {parts}, but there are {len(n.outputs)} results")
    axis = axis_operand(n, 0, n.input(1).rank, (TensorType.INT32,))
    if axis is None:
        return [None] * parts
    shape = n.input(1).shape
    n.require_shapes(shape[axis] % parts == 0, f"dimension {axis} of {shape} cannot be cut into {parts} equal parts")
    return [(*shape[:axis], shape[axis] // parts, *shape[axis + 1 :])] * parts


def prepare(n: Node) -> tuple[int, int]:
    """(axis, number of parts)."""
    require_same_type(n, n.input(1), *n.outputs)
    axis = axis_operand(n, 0, n.input(1).rank, (TensorType.INT32,))
    assert axis is not None
    return axis, len(n.outputs)


def eval_any(p: tuple[int, int], inputs: list[Array], ctx: Context) -> list[Array]:
    axis, parts = p
    return list(np.split(inputs[1], parts, axis))


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32 in two to four parts along a constant axis."""
    if not 2 <= len(n.outputs) <= 4:
        return f"it has {len(n.outputs)} results"
    if n.input(0).value is None:
        return "its axis is not constant"
    return refused_movement(n, n.input(1), *n.outputs)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(inputs=(untouched(), activation()), outputs=(same_as(1),)),
    version=version(operand=1, int8=2, int32=3, int16=4),
    typed_by=1,
    refused=refused,
)

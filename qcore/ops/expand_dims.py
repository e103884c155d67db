"""EXPAND_DIMS: the same values with a dimension of 1 inserted at the axis (operand 1, one int32 or int64).

TFLite: kernels/expand_dims.cc
"""

from __future__ import annotations

from qcore.op import Node, Op, Shape
from qcore.ops._movement import (
    INTEGER_INDICES,
    axis_in,
    move,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    require_types,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    require_types(n, 1, INTEGER_INDICES, "the axis")
    x, axis = n.input(0), n.integers(1)
    if axis is None:
        return [None]
    n.require_shapes(len(axis) == 1, f"the axis has {len(axis)} elements, expected 1")
    place = axis_in(n, axis[0], x.rank + 1)
    return [(*x.shape[:place], 1, *x.shape[place:])]


def prepare(n: Node) -> Shape:
    x, y = n.input(0), n.output()
    require_same_type(n, x, y)
    require_same_quantization(n, x, y)
    if x.type == TensorType.INT16:
        n.require(per_tensor(x)[1] == 0, "int16 zero points must be 0")
    return y.shape


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": move},
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
)

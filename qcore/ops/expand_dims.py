"""EXPAND_DIMS: the same values with a dimension of 1 inserted at the axis (operand 1, one int32 or int64).

TFLite: kernels/expand_dims.cc
"""

from __future__ import annotations

from qcore.op import Node, Op, Shape
from qcore.ops._movement import (
    INTEGER_INDICES,
    axis_operand,
    move,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    x = n.input(0)
    axis = axis_operand(n, 1, x.rank + 1, INTEGER_INDICES)
    return [None if axis is None else (*x.shape[:axis], 1, *x.shape[axis:])]


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

"""PACK: operands of one shape stacked along a new axis.

TFLite: kernels/pack.cc; internal/reference/reference_ops.h (Pack)
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    COMMON,
    axis_in,
    kernels,
    operands,
    require_counts,
    require_same_quantization,
    require_same_type,
    version,
)
from qcore.rules import Rules, activation, same_as
from tflite_schema import PackOptions


def infer(n: Node) -> list[Shape]:
    options = n.options(PackOptions)
    count = len(n.inputs)
    require_counts(n, (1, count))
    n.require(options.values_count == count, f"values_count is {options.values_count}, but there are {count} operands")
    shapes = {tensor.shape for tensor in operands(n)}
    n.require_shapes(len(shapes) == 1, f"operands have different shapes {sorted(shapes)}")
    shape = shapes.pop()
    axis = axis_in(n, options.axis, len(shape) + 1)
    return [(*shape[:axis], count, *shape[axis:])]


def prepare(n: Node) -> int:
    """The axis."""
    tensors = operands(n)
    require_same_type(n, n.output(), *tensors)
    require_same_quantization(n, n.output(), *tensors)
    return axis_in(n, n.options(PackOptions).axis, tensors[0].rank + 1)


def eval_any(p: int, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.stack(inputs, p)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "uint32"),
    rules=Rules(inputs=(activation(), same_as(0)), outputs=(same_as(0),)),
    version=version(int8=2, int16=3, uint32=4),
)

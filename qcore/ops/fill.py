"""FILL: a result of a given shape, every element the same value.

The shape (operand 0): an int32 or int64 vector; the value (operand 1): a scalar with the result's parameters.

TFLite: kernels/fill.cc; internal/reference/fill.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    INTEGER_INDICES,
    kernels,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    require_types,
    version,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    dims, value = require_types(n, 0, INTEGER_INDICES, "the shape"), n.input(1)
    n.require_shapes(dims.rank == 1, f"the shape operand has {dims.rank} dimensions, expected 1")
    n.require_shapes(value.shape == (), f"the value has shape {value.shape}, expected a scalar")
    values = n.integers(0)
    if values is None:
        return [None]
    n.require_shapes(all(size >= 0 for size in values), f"shape {values} has a negative dimension")
    return [tuple(values)]


def prepare(n: Node) -> Shape:
    """The result's shape."""
    value, y = n.input(1), n.output()
    require_same_type(n, value, y)
    require_same_quantization(n, value, y)
    if value.type == TensorType.INT16:
        n.require(per_tensor(value)[1] == 0, "int16 zero points must be 0")
    return y.shape


def eval_any(p: Shape, inputs: list[Array], ctx: Context) -> list[Array]:
    y = np.empty(p, inputs[1].dtype)
    y[...] = inputs[1]
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "int16", "int32", "int64", "bool", "float16", "string"),
    rules=Rules(inputs=(untouched(), activation()), outputs=(same_as(1),)),
    version=version(operand=1, bool=2, string=2, int8=3, int16=3, float16=4),
    typed_by=1,
)

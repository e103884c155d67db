"""UNPACK: one result for each index of an axis, which disappears.

TFLite: kernels/unpack.cc; internal/reference/reference_ops.h (Unpack)
"""

from __future__ import annotations

import math

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import axis_in, kernels, require_counts, require_same_quantization, require_same_type, version
from qcore.rules import Rules, activation, same_as
from tflite_schema import UnpackOptions


def infer(n: Node) -> list[Shape]:
    require_counts(n, (1, 1), "any")
    options, shape = n.options(UnpackOptions), n.input(0).shape
    axis = axis_in(n, options.axis, len(shape))
    count = len(n.outputs)
    n.require(options.num == count, f"num is {options.num}, but there are {count} results")
    n.require_shapes(shape[axis] == count, f"dimension {axis} of {shape} gives {shape[axis]} results, expected {count}")
    n.require_shapes(math.prod(shape) > 0, f"shape {shape} holds nothing to unpack")
    return [(*shape[:axis], *shape[axis + 1 :])] * count


def prepare(n: Node) -> int:
    """The axis."""
    require_same_type(n, n.input(0), *n.outputs)
    require_same_quantization(n, n.input(0), *n.outputs)
    return axis_in(n, n.options(UnpackOptions).axis, n.input(0).rank)


def eval_any(p: int, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.asarray(part) for part in np.moveaxis(inputs[0], p, 0)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "uint8", "int16", "int32", "bool"),
    rules=Rules(inputs=(activation(),), outputs=(same_as(0),)),
    version=version(int8=2, uint8=2, bool=3, int16=4),
)

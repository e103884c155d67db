"""DILATE: the operand's elements set apart, the gaps filled with a value.

    y[i * dilations] = x[i],  y.shape = (x.shape - 1) * dilations + 1;  elsewhere the value of operand 2

Dilations: an int32 vector, 1 or more for each dimension; up to 6 dimensions.

TFLite: kernels/dilate.cc
"""

from __future__ import annotations

import math

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, kernels, require_counts, require_same_type, require_types
from tflite_schema import TensorType

_MOST_DIMENSIONS = 6


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 3)
    x, dilations, value = n.input(0), require_types(n, 1, (TensorType.INT32,), "dilations"), n.input(2)
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    n.require_shapes(x.rank > 0 and math.prod(x.shape) > 0, f"shape {x.shape} holds nothing to set apart")
    n.require_shapes(math.prod(value.shape) == 1, f"the value has shape {value.shape}, expected one element")
    n.require_shapes(dilations.shape == (x.rank,), f"dilations have shape {dilations.shape}, expected ({x.rank},)")
    steps = n.integers(1)
    if steps is None:
        return [None]
    n.require_shapes(all(step >= 1 for step in steps), f"dilations {steps} must be 1 or more")
    return [tuple((size - 1) * step + 1 for size, step in zip(x.shape, steps, strict=True))]


def prepare(n: Node) -> tuple[Shape, list[int]]:
    """(the result's shape, dilations)."""
    require_same_type(n, n.input(0), n.input(2), n.output())
    steps = n.integers(1)
    assert steps is not None
    return n.output().shape, steps


def eval_any(p: tuple[Shape, list[int]], inputs: list[Array], ctx: Context) -> list[Array]:
    shape, steps = p
    y = np.empty(shape, inputs[0].dtype)
    y[...] = inputs[2].reshape(())
    y[tuple(slice(None, None, step) for step in steps)] = inputs[0]
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "float16", "float64", "uint16", "uint32", "uint64", "complex64"),
)

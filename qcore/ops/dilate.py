"""DILATE: the operand's elements with room between them, filled with a padding value.

    y[d * i] = x[i]  for each dimension of dilation d;  elsewhere the padding value

Dilations (operand 1): int32, one per dimension, 1 or more. The padding value (operand 2): one element of x's type.
Up to 6 dimensions, none of them empty.

TFLite: kernels/dilate.cc
"""

from __future__ import annotations

import math

from qcore.op import Node, Op, Shape
from qcore.ops._dilation import ANY_SIZE, Params, eval_any
from qcore.ops._movement import kernels, require_counts, require_same_type, require_types
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 6


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 3)
    x, dilations, value = n.input(0), require_types(n, 1, (TensorType.INT32,), "dilations"), n.input(2)
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    n.require_shapes(x.rank > 0 and 0 not in x.shape, f"shape {x.shape} has nothing to dilate")
    n.require_shapes(dilations.shape == (x.rank,), f"dilations have shape {dilations.shape}, expected ({x.rank},)")
    n.require_shapes(math.prod(value.shape) == 1, f"the padding value has shape {value.shape}, expected one element")
    steps = n.integers(1)
    if steps is None:
        return [None]
    n.require_shapes(all(step >= 1 for step in steps), f"dilations {steps} must be 1 or more")
    return [tuple((size - 1) * step + 1 for size, step in zip(x.shape, steps, strict=True))]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.input(2), n.output())
    return Params(n.output().shape, (0,) * n.input(0).rank, tuple(n.integers(1) or ()))


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *ANY_SIZE, "bfloat16"),
    rules=Rules(inputs=(activation(), untouched(), activation()), quantizable=frozenset()),
)

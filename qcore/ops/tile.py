"""TILE: the operand repeated along each dimension.

    y.shape[i] = x.shape[i] * multiples[i];  y[j] = x[j mod x.shape]

Multiples: int32 or int64, one for each dimension, not negative.

TFLite: kernels/tile.cc
"""

from __future__ import annotations

import math

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, kernels, require_counts, require_same_type, require_types, version
from qcore.rules import Rules, activation, same_as, untouched


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    x, multiples = n.input(0), require_types(n, 1, INTEGER_INDICES, "multiples")
    count = math.prod(multiples.shape)
    n.require_shapes(count == x.rank, f"{count} multiples for {x.rank} dimensions")
    values = n.integers(1)
    if values is None:
        return [None]
    n.require_shapes(all(value >= 0 for value in values), f"multiples {values} must not be negative")
    return [tuple(size * value for size, value in zip(x.shape, values, strict=True))]


def prepare(n: Node) -> list[int]:
    """The multiples."""
    require_same_type(n, n.input(0), n.output())
    multiples = n.integers(1)
    assert multiples is not None
    return multiples


def eval_any(p: list[int], inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.tile(inputs[0], p)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "uint8", "int32", "int64", "bool", "string"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version(string=2, int8=3),
)

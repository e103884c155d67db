"""REVERSE_V2: dimensions read backwards: those an int32 vector names, which must be neighbours; up to 8 dimensions.

TFLite: kernels/reverse.cc; internal/reference/reference_ops.h (Reverse)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.errors import UnsupportedError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    COMMON,
    check_indices,
    kernels,
    require_counts,
    require_same_type,
    require_types,
    version,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Params:
    """The place for messages about an axis."""

    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, axes = n.input(0), require_types(n, 1, (TensorType.INT32,), "axes")
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    fits = axes.rank == 1 and 0 < math.prod(axes.shape) <= x.rank
    n.require_shapes(fits, f"axes have shape {axes.shape}, expected a vector of 1 to {x.rank}")
    return [x.shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    return Params(n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, given = inputs
    axes = np.sort(np.where(given < 0, given + x.ndim, given))
    check_indices(axes, x.ndim, p.place)
    if (np.diff(axes) != 1).any():
        raise UnsupportedError(f"{p.place}: axes {given.tolist()} are not neighbours; TFLite reverses only such")
    return [np.ascontiguousarray(np.flip(x, tuple(int(axis) for axis in axes)))]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "float16", "bfloat16"),
    rules=Rules(
        inputs=(activation(), untouched()),
        by_scheme={"int16x8": Rules(inputs=(activation(), untouched()), outputs=(same_as(0),))},
    ),
    version=version(bool=2, int8=3),
)

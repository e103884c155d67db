"""Elements spread out over a larger array: what DILATE, STABLEHLO_PAD and the reduced windows share.

    y[low + step * i] = x[i]  for every i that falls inside y;  the padding value elsewhere

A negative `low`, or a shape that ends early, crops. All of it holds for each dimension.

TFLite: kernels/dilate.cc, kernels/stablehlo_pad.cc, kernels/stablehlo_reduce_window.cc
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Shape

__all__ = ["ANY_SIZE", "Params", "attribute", "eval_any", "spread"]

ANY_SIZE = (
    *("float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("bool", "complex64", "complex128"),
)
"""The types of a whole number of bytes: all that these kernels move."""


@dataclass(frozen=True, slots=True)
class Params:
    """The result's shape, where the first element lies in it, and the distance between elements; by dimension."""

    shape: Shape
    low: tuple[int, ...]
    step: tuple[int, ...]


def attribute(n: Node, name: str, values: Iterable[int] | None, count: int) -> tuple[int, ...]:
    """A vector of the options as Python integers; ShapeError unless it has `count` of them."""
    integers = () if values is None else tuple(int(value) for value in values)
    n.require_shapes(len(integers) == count, f"{name} has {len(integers)} values, expected {count}")
    return integers


def spread(p: Params, x: Array, value: Array) -> Array:
    """x amid the padding value."""
    y = np.empty(p.shape, x.dtype)
    y[...] = value.reshape(())
    taken, places = [], []
    for count, size, low, step in zip(x.shape, p.shape, p.low, p.step, strict=True):
        first = max(0, -(low // step))
        last = max(first, min(count, (size - 1 - low) // step + 1))
        taken.append(slice(first, last))
        places.append(slice(low + first * step, low + first * step + (last - first) * step, step))
    if all(part.stop > part.start for part in taken):
        y[tuple(places)] = x[tuple(taken)]
    return y


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """Operand 0 amid the value of the last operand."""
    return [spread(p, inputs[0], inputs[-1])]

"""Windows of an array reduced to one value each: what REDUCE_WINDOW and STABLEHLO_REDUCE_WINDOW share.

    y[i] = f(... f(f(init, x[i * stride]), x[i * stride + dilation]) ..., x[i * stride + (window - 1) * dilation])

Elements of a window are taken in row-major order, each step rounds (floats) or wraps (integers) to the operand's type.
f: sum, product, min (a <= b ? a : b), max (a >= b ? a : b), both, either; the last two give 0 and 1. A NaN on the
left of min and max is replaced by the next element, one on the right is taken. Scales are not read.

TFLite: kernels/stablehlo_reduce_window.cc
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Node, Shape
from tflite_schema import ReduceWindowFunction, TensorType

__all__ = ["MOST_DIMENSIONS", "TYPES", "Params", "reduce", "require_body", "window_shape"]

MOST_DIMENSIONS = 6
_MOST_ELEMENTS = 1 << 22
TYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")


def _larger(a: Array, b: Array) -> Array:
    return np.where(a >= b, a, b)


def _smaller(a: Array, b: Array) -> Array:
    return np.where(a <= b, a, b)


_REDUCE: dict[ReduceWindowFunction, Callable[[Array, Array], Array]] = {
    ReduceWindowFunction.ADD: np.add,
    ReduceWindowFunction.MUL: np.multiply,
    ReduceWindowFunction.MINIMUM: _smaller,
    ReduceWindowFunction.MAXIMUM: _larger,
    ReduceWindowFunction.ALL: np.logical_and,
    ReduceWindowFunction.ANY: np.logical_or,
}


@dataclass(frozen=True, slots=True)
class Params:
    """The function, the windows and the result's shape."""

    body: ReduceWindowFunction
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    shape: Shape


def require_body(n: Node, body: ReduceWindowFunction) -> ReduceWindowFunction:
    """UnsupportedError unless the operand's type can be reduced with this function."""
    if body not in _REDUCE:
        raise n.unsupported(f"windows reduced by {body!r}; TFLite knows {', '.join(f.name for f in _REDUCE)}")
    if body == ReduceWindowFunction.ADD and n.input(0).type == TensorType.BOOL:
        raise n.unsupported("sums of booleans: TFLite counts in the boolean's byte. Use ANY, or another type")
    return body


def window_shape(
    n: Node, shape: Shape, window: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> Shape:
    """The number of windows in each dimension, 0 where one does not fit; ShapeError unless all values are above 0."""
    for name, values in (("window", window), ("window strides", strides), ("window dilations", dilations)):
        n.require_shapes(all(value > 0 for value in values), f"{name} {values} must be above 0")
    count = math.prod(window)
    if count > _MOST_ELEMENTS:
        raise n.unsupported(f"windows of {count} elements; the kernel takes them one by one, up to {_MOST_ELEMENTS}")
    return tuple(
        max(0, (size - (width - 1) * dilation - 1) // stride + 1)
        for size, width, stride, dilation in zip(shape, window, strides, dilations, strict=True)
    )


def reduce(p: Params, x: Array, init: Array) -> Array:
    """Every window of x reduced, from `init` on."""
    function = _REDUCE[p.body]
    y = np.full(p.shape, init.reshape(()), x.dtype)
    if not y.size:
        return y
    for place in np.ndindex(*p.window):
        part = tuple(
            slice(at * dilation, at * dilation + (count - 1) * stride + 1, stride)
            for at, dilation, count, stride in zip(place, p.dilations, p.shape, p.strides, strict=True)
        )
        with np.errstate(over="ignore", invalid="ignore"):
            y = np.asarray(function(y, x[part])).astype(x.dtype, copy=False)
    return y

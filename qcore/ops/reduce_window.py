"""REDUCE_WINDOW: each window of the operand reduced to one value.

    y[i] = f over the window that starts at i * stride, from the initial value (operand 1) on: see _reduce_window.py

Window shape, strides and dilations (operands 2, 3, 4): constant int64, one per dimension. Up to 6 dimensions.

TFLite: kernels/stablehlo_reduce_window.cc
"""

from __future__ import annotations

import math

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import kernels, require_counts, require_same_type, require_types
from qcore.ops._reduce_window import MOST_DIMENSIONS, TYPES, Params, reduce, require_body, window_shape
from qcore.rules import Rules, activation, untouched
from tflite_schema import ReduceWindowOptions, TensorType


def infer(n: Node) -> list[Shape]:
    require_counts(n, 5)
    x, init = n.input(0), n.input(1)
    if not 0 < x.rank <= MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes 1 to {MOST_DIMENSIONS}")
    n.require_shapes(math.prod(init.shape) == 1, f"the initial value has shape {init.shape}, expected one element")
    return [window_shape(n, x.shape, *_windows(n))]


def _windows(n: Node) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    window, strides, dilations = (_values(n, position) for position in (2, 3, 4))
    return window, strides, dilations


def _values(n: Node, position: int) -> tuple[int, ...]:
    tensor = require_types(n, position, (TensorType.INT64,), "windows")
    values, rank = n.integers(position), n.input(0).rank
    n.require_shapes(tensor.shape == (rank,), f"operand {position} has shape {tensor.shape}, expected ({rank},)")
    if values is None:
        raise n.unsupported(f"operand {position} is computed at run time; the kernel takes constants only")
    return tuple(values)


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.input(1), n.output())
    body = require_body(n, n.options(ReduceWindowOptions).reduce_function)
    return Params(body, *_windows(n), n.output().shape)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [reduce(p, inputs[0], inputs[1])]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *TYPES),
    rules=Rules(inputs=(activation(), activation(), untouched()), quantizable=frozenset()),
)

"""STABLEHLO_REDUCE_WINDOW: the operand is spread out, padded or cropped, and each of its windows reduced to one value.

    z[low + base_dilation * i] = x[i];  elsewhere the initial value (operand 1)
    y[i] = f over the window of z that starts at i * stride, from the initial value on: see _reduce_window.py

f is the one operator of the graph that the options name: ADD, MUL, MAXIMUM, MINIMUM, LOGICAL_AND, LOGICAL_OR or their
STABLEHLO_ namesakes. Up to 6 dimensions.

TFLite: kernels/stablehlo_reduce_window.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _dilation, _reduce_window
from qcore.ops._dilation import attribute
from qcore.ops._movement import kernels, require_counts, require_same_type
from qcore.ops._reduce_window import MOST_DIMENSIONS, TYPES, reduce, require_body, window_shape
from tflite_schema import BuiltinOperator, ReduceWindowFunction, StablehloReduceWindowOptions

_MOST_ELEMENTS = 1 << 31
_BODIES: dict[int, ReduceWindowFunction] = {
    BuiltinOperator.ADD: ReduceWindowFunction.ADD,
    BuiltinOperator.STABLEHLO_ADD: ReduceWindowFunction.ADD,
    BuiltinOperator.MUL: ReduceWindowFunction.MUL,
    BuiltinOperator.STABLEHLO_MULTIPLY: ReduceWindowFunction.MUL,
    BuiltinOperator.MAXIMUM: ReduceWindowFunction.MAXIMUM,
    BuiltinOperator.STABLEHLO_MAXIMUM: ReduceWindowFunction.MAXIMUM,
    BuiltinOperator.MINIMUM: ReduceWindowFunction.MINIMUM,
    BuiltinOperator.STABLEHLO_MINIMUM: ReduceWindowFunction.MINIMUM,
    BuiltinOperator.LOGICAL_AND: ReduceWindowFunction.ALL,
    BuiltinOperator.STABLEHLO_AND: ReduceWindowFunction.ALL,
    BuiltinOperator.LOGICAL_OR: ReduceWindowFunction.ANY,
    BuiltinOperator.STABLEHLO_OR: ReduceWindowFunction.ANY,
}


@dataclass(frozen=True, slots=True)
class Params:
    """How the operand is spread out, and the windows over that."""

    padding: _dilation.Params
    windows: _reduce_window.Params


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, init = n.input(0), n.input(1)
    if not 0 < x.rank <= MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes 1 to {MOST_DIMENSIONS}")
    n.require_shapes(math.prod(init.shape) == 1, f"the initial value has shape {init.shape}, expected one element")
    return [window_shape(n, _padding(n).shape, *_windows(n))]


def _padding(n: Node) -> _dilation.Params:
    options, x = n.options(StablehloReduceWindowOptions), n.input(0)
    n.require_shapes(0 not in x.shape, f"shape {x.shape} has no element to reduce")
    steps = _values(n, "base_dilations", options.base_dilations)
    n.require_shapes(min(steps) > 0, f"base_dilations {steps} must be above 0")
    pads = (0,) * (2 * x.rank) if _absent(options.padding) else attribute(n, "padding", options.padding, 2 * x.rank)
    shape = tuple(
        (size - 1) * step + 1 + low + high
        for size, step, low, high in zip(x.shape, steps, pads[::2], pads[1::2], strict=True)
    )
    n.require_shapes(min(shape) > 0, f"padding {pads} leaves shape {shape}")
    n.require_shapes(math.prod(shape) <= _MOST_ELEMENTS, f"padding {pads} makes shape {shape}: too large")
    return _dilation.Params(shape, pads[::2], steps)


def _windows(n: Node) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    options = n.options(StablehloReduceWindowOptions)
    window = attribute(n, "window_dimensions", options.window_dimensions, n.input(0).rank)
    strides = _values(n, "window_strides", options.window_strides)
    return window, strides, _values(n, "window_dilations", options.window_dilations)


def _absent(values: Array | None) -> bool:
    return values is None or not len(values)


def _values(n: Node, name: str, values: Array | None) -> tuple[int, ...]:
    """An attribute that the file may leave out: then it is 1 in every dimension."""
    rank = n.input(0).rank
    return (1,) * rank if _absent(values) else attribute(n, name, values, rank)


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.input(1), n.output())
    operators = n.graph(n.options(StablehloReduceWindowOptions).body_subgraph_index).operators
    body = _BODIES.get(operators[0].code) if len(operators) == 1 else None
    if body is None:
        raise n.unsupported(f"windows reduced by {', '.join(o.name for o in operators) or 'an empty graph'}")
    windows = _reduce_window.Params(require_body(n, body), *_windows(n), n.output().shape)
    return Params(_padding(n), windows)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, init = inputs
    if p.padding.shape != x.shape or any(p.padding.low) or max(p.padding.step) > 1:
        x = _dilation.spread(p.padding, x, init)
    return [reduce(p.windows, x, init)]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, *TYPES))

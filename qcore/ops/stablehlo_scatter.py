"""STABLEHLO_SCATTER: updates combined into the operand, window by window, wherever the index vectors place them.

    y = x;  y[start[batch] + window] = f(y[start[batch] + window], update[batch, window])  in the order of the updates

f is the one operator of the graph that the options name: STABLEHLO_ADD, _MULTIPLY, _MAXIMUM or _MINIMUM; a graph
without operators writes the update. Elements beyond the operand's end are passed over, one by one; negative starts are
refused: TFLite 2.21 writes foreign elements for them, later versions pass them over. Integers wrap, scales are not
read; a NaN in y stays, a NaN update loses against a number in _MAXIMUM and _MINIMUM.

TFLite: kernels/stablehlo_scatter.cc
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._dilation import ANY_SIZE
from qcore.ops._movement import kernels, require_counts, require_same_type
from qcore.ops._window_index import dimensions, require_index, starts
from tflite_schema import BuiltinOperator, StablehloScatterOptions

Combine = Callable[[Array, Array, Array], None]


def _write(y: Array, places: Array, updates: Array) -> None:
    y[places] = updates


def _add(y: Array, places: Array, updates: Array) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(y, places, updates)


def _multiply(y: Array, places: Array, updates: Array) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        np.multiply.at(y, places, updates)


def _larger(y: Array, places: Array, updates: Array) -> None:
    number = updates == updates
    with np.errstate(invalid="ignore"):
        np.maximum.at(y, places[number], updates[number])


def _smaller(y: Array, places: Array, updates: Array) -> None:
    number = updates == updates
    with np.errstate(invalid="ignore"):
        np.minimum.at(y, places[number], updates[number])


_COMBINE: dict[int, Combine] = {
    BuiltinOperator.STABLEHLO_ADD: _add,
    BuiltinOperator.STABLEHLO_MULTIPLY: _multiply,
    BuiltinOperator.STABLEHLO_MAXIMUM: _larger,
    BuiltinOperator.STABLEHLO_MINIMUM: _smaller,
}


@dataclass(frozen=True, slots=True)
class Params:
    """How indices name windows, which dimensions of the updates run over one, and how an update is combined."""

    index_vector_dim: int
    mapped: tuple[int, ...]
    window_dims: tuple[int, ...]
    window_axes: tuple[int, ...]
    combine: Combine
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 3)
    return [n.input(0).shape]


def prepare(n: Node) -> Params:
    options, x, index, updates = n.options(StablehloScatterOptions), n.input(0), n.input(1), n.input(2)
    require_same_type(n, x, updates, n.output())
    mapped = dimensions(n, "scatter_dims_to_operand_dims", options.scatter_dims_to_operand_dims, x.rank)
    require_index(n, options.index_vector_dim, len(mapped))
    window = dimensions(n, "update_window_dims", options.update_window_dims, updates.rank)
    inserted = dimensions(n, "inserted_window_dims", options.inserted_window_dims, x.rank)
    n.require_shapes(
        len(window) + len(inserted) == x.rank,
        f"update_window_dims {window} and inserted_window_dims {inserted} make no window of {x.rank} dimensions",
    )
    batch = tuple(size for axis, size in enumerate(updates.shape) if axis not in window)
    expected = tuple(size for axis, size in enumerate(index.shape) if axis != options.index_vector_dim)
    n.require_shapes(batch == expected, f"updates for indices of shape {batch}; there are {expected}")
    axes = tuple(axis for axis in range(x.rank) if axis not in inserted)
    return Params(options.index_vector_dim, mapped, window, axes, _combine(n, options), n.place)


def _combine(n: Node, options: StablehloScatterOptions) -> Combine:
    operators = n.graph(options.update_computation_subgraph_index).operators
    if not operators:
        return _write
    combine = _COMBINE.get(operators[0].code) if len(operators) == 1 else None
    if combine is None:
        names = ", ".join(operator.name for operator in operators)
        raise n.unsupported(f"updates combined by {names}; TFLite knows {', '.join(c.name for c in _known())}")
    return combine


def _known() -> list[BuiltinOperator]:
    return [BuiltinOperator(code) for code in _COMBINE]


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, index, updates = inputs
    start = starts(index, p.index_vector_dim, p.mapped, x.ndim, p.place)
    spread = [1 if axis in p.window_dims else size for axis, size in enumerate(updates.shape)]
    flat = np.zeros(updates.shape, np.int64)
    inside = np.ones(updates.shape, np.bool_)
    for axis, size in enumerate(x.shape):
        coordinate = np.minimum(start[axis], size).reshape(spread)
        if axis in p.window_axes:
            along = p.window_dims[p.window_axes.index(axis)]
            ramp = np.arange(updates.shape[along]).reshape(-1, *[1] * (updates.ndim - along - 1))
            coordinate = coordinate + ramp
        inside &= coordinate < size
        flat += coordinate * math.prod(x.shape[axis + 1 :])
    y = x.copy()
    p.combine(y.reshape(-1), flat[inside], updates[inside])
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *(t for t in ANY_SIZE if not t.startswith("complex"))),
)

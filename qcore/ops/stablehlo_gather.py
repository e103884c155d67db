"""STABLEHLO_GATHER: windows of the operand, wherever the index vectors place them.

    y[batch, offset] = x[min(start[batch], size - slice) + offset]

`offset_dims` are the result's dimensions that run over a window, the others run over the indices; dimensions in
`collapsed_slice_dims` have a slice of 1 and no dimension in the result. A window that would end outside the operand
is moved back. Negative starts are refused: TFLite 2.21 reads foreign elements for them, later versions move them to 0.

TFLite: kernels/stablehlo_gather.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._dilation import ANY_SIZE, attribute
from qcore.ops._movement import kernels, require_counts, require_same_type
from qcore.ops._window_index import dimensions, require_index, starts
from tflite_schema import StablehloGatherOptions


@dataclass(frozen=True, slots=True)
class Params:
    """How indices name windows, the windows' sizes, the result's dimensions, and the place for messages."""

    index_vector_dim: int
    start_index_map: tuple[int, ...]
    slice_sizes: tuple[int, ...]
    last_starts: tuple[int, ...]
    offset_dims: tuple[int, ...]
    shape: Shape
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    p = _params(n)
    n.require_shapes(
        len(p.shape) == n.output().rank,
        f"the file says that the result has {n.output().rank} dimensions; there are {len(p.shape)}",
    )
    return [p.shape]


def _params(n: Node) -> Params:
    options, x, index = n.options(StablehloGatherOptions), n.input(0), n.input(1)
    mapped = dimensions(n, "start_index_map", options.start_index_map, x.rank)
    require_index(n, options.index_vector_dim, len(mapped))
    sizes = attribute(n, "slice_sizes", options.slice_sizes, x.rank)
    n.require_shapes(
        all(0 <= size <= most for size, most in zip(sizes, x.shape, strict=True)),
        f"slices of {sizes} do not fit an operand of shape {x.shape}",
    )
    collapsed = dimensions(n, "collapsed_slice_dims", options.collapsed_slice_dims, x.rank)
    n.require_shapes(all(sizes[axis] == 1 for axis in collapsed), f"collapsed dimensions of slices of {sizes}")
    window = [size for axis, size in enumerate(sizes) if axis not in collapsed]
    offset = sorted(dimensions(n, "offset_dims", options.offset_dims, len(window) + index.rank - 1))
    n.require_shapes(len(offset) == len(window), f"{len(offset)} offset_dims for windows of {len(window)} dimensions")
    shape = [size for axis, size in enumerate(index.shape) if axis != options.index_vector_dim]
    for axis, size in zip(offset, window, strict=True):
        shape.insert(axis, size)
    last = tuple(most - size for size, most in zip(sizes, x.shape, strict=True))
    return Params(options.index_vector_dim, mapped, sizes, last, tuple(offset), tuple(shape), n.place)


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    return _params(n)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, index = inputs
    start = starts(index, p.index_vector_dim, p.start_index_map, x.ndim, p.place)
    strides = [math.prod(x.shape[axis + 1 :]) for axis in range(x.ndim)]
    batch = start.shape[1:]
    base = np.zeros(batch, np.int64)
    for axis, last in enumerate(p.last_starts):
        base += np.minimum(start[axis], last) * strides[axis]
    window = np.zeros(p.slice_sizes, np.int64)
    for axis, stride in enumerate(strides):
        window += np.arange(p.slice_sizes[axis]).reshape(-1, *[1] * (x.ndim - axis - 1)) * stride
    flat = base.reshape(-1, 1) + window.reshape(1, window.size)
    picked = x.reshape(-1)[flat].reshape((*batch, *[p.shape[axis] for axis in p.offset_dims]))
    return [np.moveaxis(picked, range(len(batch), picked.ndim), p.offset_dims)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *(t for t in ANY_SIZE if t != "bool" and not t.startswith("complex"))),
)

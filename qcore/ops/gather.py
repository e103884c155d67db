"""GATHER: slices of the operand along an axis, in the order of the indices.

    y[a, i, b] = x[a, indices[i], b];  with batch_dims = k the first k dimensions of x and indices go together

Indices: int16, int32 or int64, not negative. Strings: one dimension.

TFLite: kernels/gather.cc; internal/reference/gather.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    COMMON,
    INTEGER_INDICES,
    axis_in,
    check_indices,
    kernels,
    require_counts,
    require_same_type,
    require_types,
)
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import GatherOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The axis, how many leading dimensions are batches, and the place for messages about an index."""

    axis: int
    batch_dims: int
    shape: Shape
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, index = n.input(0), require_types(n, 1, (TensorType.INT16, *INTEGER_INDICES), "indices")
    if x.type == TensorType.STRING and x.rank != 1:
        raise n.unsupported(f"{x.rank} dimensions of strings; the kernel takes one")
    axis, batch_dims = _axes(n)
    if x.type == TensorType.INT4 and math.prod(x.shape[axis + 1 :]) % 2:
        raise n.unsupported(f"slices of {math.prod(x.shape[axis + 1 :])} 4-bit numbers; TFLite moves whole bytes only")
    return [(*x.shape[:axis], *index.shape[batch_dims:], *x.shape[axis + 1 :])]


def _axes(n: Node) -> tuple[int, int]:
    options, x, index = n.options(GatherOptions), n.input(0), n.input(1)
    axis = axis_in(n, options.axis, x.rank)
    batch_dims = options.batch_dims + (index.rank if options.batch_dims < 0 else 0)
    n.require_shapes(0 <= batch_dims <= min(axis, index.rank), f"batch_dims {options.batch_dims} with axis {axis}")
    batches = x.shape[:batch_dims], index.shape[:batch_dims]
    n.require_shapes(batches[0] == batches[1], f"batches of shapes {batches[0]} and {batches[1]} differ")
    return axis, batch_dims


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    return Params(*_axes(n), n.output().shape, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, index = inputs
    check_indices(index, x.shape[p.axis], p.place)
    if not p.batch_dims:
        return [np.take(x, index.reshape(-1), p.axis).reshape(p.shape)]
    k = p.batch_dims
    rows = x.reshape(math.prod(x.shape[:k]), *x.shape[k:])
    index = index.reshape(len(rows), math.prod(index.shape[k:]))
    moved = np.moveaxis(rows, p.axis - k + 1, 1)
    picked = moved[np.arange(len(rows))[:, None], index]
    return [np.moveaxis(picked, 1, p.axis - k + 1).reshape(p.shape)]


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.INT4:
        return 7
    if n.input(1).type == TensorType.INT16:
        return 6
    if n.options(GatherOptions).batch_dims:
        return 5
    return {TensorType.INT16: 4, TensorType.BOOL: 3, TensorType.INT8: 2}.get(x.type, 1)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "float16", "bfloat16", "string", "int4"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

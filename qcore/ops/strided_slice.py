"""STRIDED_SLICE: every stride-th element between begin and end, dimension by dimension, as Python's slices read.

    begin_mask, end_mask     bit i: take the whole of that side, ignore begin[i] or end[i]
    ellipsis_mask            bit i: entry i stands for all dimensions that no other entry names
    new_axis_mask            bit i: entry i inserts a dimension of 1
    shrink_axis_mask         bit i: entry i takes the one element begin[i] and drops the dimension
    offset                   end[i] is a length counted from begin[i]

begin, end, strides: int32 vectors; up to 5 dimensions, inserted ones included.

TFLite: kernels/strided_slice.cc; internal/strided_slice_logic.h
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import refused_movement
from qcore.ops._movement import COMMON, kernels, require_counts, require_same_type, require_types
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import StridedSliceOptions, TensorType

_MOST_DIMENSIONS = 5


@dataclass(frozen=True, slots=True)
class Params:
    """The operand's shape with inserted dimensions, the slice of each, and the result's shape."""

    whole: Shape
    slices: tuple[slice, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Entry:
    """One dimension and the index of its entry in begin, end and strides; None where it is taken whole."""

    size: int
    entry: int | None = None


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 4)
    plan = _plan(n)
    return [None if plan is None else plan.shape]


def _entries(n: Node, count: int) -> list[_Entry]:
    """One entry for each dimension of the operand with the inserted ones."""
    options, x = n.options(StridedSliceOptions), n.input(0)
    ellipsis, new_axis = int(options.ellipsis_mask), int(options.new_axis_mask)
    inserted = sum(1 for i in range(count) if new_axis >> i & 1 and not ellipsis >> i & 1)
    rank = x.rank + inserted
    if rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    n.require(ellipsis & (ellipsis - 1) == 0, "more than one ellipsis")
    sizes = iter(x.shape)
    entries: list[_Entry] = []
    entry = 0
    while len(entries) < rank:
        if ellipsis >> entry & 1 and entry < count:
            spanned = min(max(rank - count + 1, 1), rank - len(entries))
            taken = [_Entry(size) for size in islice(sizes, spanned)]
            n.require_shapes(len(taken) == spanned, f"the masks ask for more dimensions than shape {x.shape} has")
            entries += taken
        elif new_axis >> entry & 1 and entry < count:
            entries.append(_Entry(1))
        else:
            entries.append(_Entry(next(sizes, 1), entry if entry < count else None))
        entry += 1
    n.require_shapes(next(sizes, None) is None, f"the masks leave dimensions of shape {x.shape} out")
    return entries


def _plan(n: Node) -> Params | None:
    options, x = n.options(StridedSliceOptions), n.input(0)
    operands = [
        require_types(n, i, (TensorType.INT32,), what) for i, what in ((1, "begin"), (2, "end"), (3, "strides"))
    ]
    shapes = [operand.shape for operand in operands]
    n.require_shapes(len(set(shapes)) == 1 and len(shapes[0]) == 1, f"begin, end and strides have shapes {shapes}")
    entries = _entries(n, shapes[0][0])
    begin, end, strides = n.integers(1), n.integers(2), n.integers(3)
    if begin is None or end is None or strides is None:
        return None
    slices, shape = [], []
    for size, entry in ((e.size, e.entry) for e in entries):
        if entry is None:
            slices.append(slice(0, size, 1))
            shape.append(size)
            continue
        stride = strides[entry]
        n.require(stride != 0, "a stride is zero")
        start = _clamp(begin[entry], size, stride, masked=bool(int(options.begin_mask) >> entry & 1), last=False)
        if int(options.shrink_axis_mask) >> entry & 1:
            n.require_shapes(stride > 0, f"a dropped dimension has stride {stride}, expected 1")
            n.require_shapes(start < size, f"index {begin[entry]} lies outside shape {x.shape}")
            slices.append(slice(start, start + 1, 1))
            continue
        asked = end[entry] + start if options.offset else end[entry]
        stop = _clamp(asked, size, stride, masked=bool(int(options.end_mask) >> entry & 1), last=True)
        count = len(range(start, stop, stride))
        if options.offset:
            n.require_shapes(count == len(range(0, end[entry], stride)), f"length {end[entry]} leaves shape {x.shape}")
        slices.append(slice(start, stop if stop >= 0 else None, stride) if count else slice(0, 0, 1))
        shape.append(count)
    return Params(tuple(e.size for e in entries), tuple(slices), tuple(shape))


def _clamp(index: int, size: int, stride: int, *, masked: bool, last: bool) -> int:
    """The bound within the dimension; backwards, -1 lies before the first element."""
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    if masked:
        return high if last == (stride > 0) else low
    return min(max(index + size if index < 0 else index, low), high)


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    plan = _plan(n)
    assert plan is not None
    return plan


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.atleast_1d(inputs[0].reshape(p.whole))[p.slices].reshape(p.shape)]


def version(n: Node) -> int:
    options, x = n.options(StridedSliceOptions), n.input(0)
    if options.offset:
        return 8
    if x.type == TensorType.UINT32:
        return 7
    if options.ellipsis_mask or options.new_axis_mask:
        return 6
    if x.type == TensorType.STRING:
        return 5
    if x.rank > 4:
        return 4
    return {TensorType.BOOL: 3, TensorType.INT8: 2}.get(x.type, 1)


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and a constant box of all dimensions in steps of 1."""
    options = n.options(StridedSliceOptions)
    if options.ellipsis_mask or options.new_axis_mask or options.shrink_axis_mask:
        return "it adds, drops or spans dimensions"
    bounds = [n.integers(position) for position in (1, 2, 3)]
    if any(bound is None for bound in bounds):
        return "its box is not constant"
    if any(stride != 1 for stride in bounds[2] or ()):
        return "it has strides"
    if n.input(1).shape != (n.input(0).rank,):
        return "its box leaves dimensions out"
    return refused_movement(n, n.input(0), n.output())


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "uint32", "float16", "bfloat16", "string"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
    refused=refused,
)

"""SLICE: a box of the operand.

    y[i] = x[begin + i], i < size; a size of -1 reaches to the end

begin and size: int32 or int64 vectors, one value for each dimension; up to 5 dimensions.

TFLite: kernels/slice.cc; internal/reference/slice.h
"""

from __future__ import annotations

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import refused_movement
from qcore.ops._movement import COMMON, INTEGER_INDICES, kernels, require_counts, require_same_type, require_types
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 5
Box = tuple[slice, ...]


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 3)
    box = _box(n)
    return [None if box is None else tuple(side.stop - side.start for side in box)]


def _box(n: Node) -> Box | None:
    x = n.input(0)
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    for position, what in ((1, "begin"), (2, "size")):
        shape = require_types(n, position, INTEGER_INDICES, what).shape
        n.require_shapes(shape == (x.rank,), f"{what} has shape {shape}, expected ({x.rank},)")
    begin, size = n.integers(1), n.integers(2)
    if begin is None or size is None:
        return None
    sides = []
    for dimension, first, count in zip(x.shape, begin, size, strict=True):
        end = dimension if count == -1 else first + count
        fits = 0 <= first <= end <= dimension and count >= -1
        n.require_shapes(fits, f"begin {begin} and size {size} leave shape {x.shape}")
        sides.append(slice(first, end))
    return tuple(sides)


def prepare(n: Node) -> Box:
    require_same_type(n, n.input(0), n.output())
    box = _box(n)
    assert box is not None
    return box


def eval_any(p: Box, inputs: list[Array], ctx: Context) -> list[Array]:
    return [inputs[0][p] if p else inputs[0]]


def version(n: Node) -> int:
    x = n.input(0)
    versions = {TensorType.FLOAT16: 8, TensorType.INT4: 7, TensorType.UINT32: 6}
    if x.type in versions:
        return versions[x.type]
    if x.rank > 4:
        return 5
    return {TensorType.INT16: 4, TensorType.STRING: 3, TensorType.INT8: 2}.get(x.type, 1)


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and a constant box whose sizes are stated."""
    begin, size = n.integers(1), n.integers(2)
    if begin is None or size is None:
        return "its box is not constant"
    if any(count <= 0 for count in size):
        return f"its size is {size}"
    return refused_movement(n, n.input(0), n.output())


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, "bool", "uint32", "float16", "bfloat16", "string", "int4"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
    refused=refused,
)

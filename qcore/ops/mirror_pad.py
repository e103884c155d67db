"""MIRROR_PAD: the operand amid its own mirror image.

    SYMMETRIC: the edge is repeated, c b a | a b c;  REFLECT: it is not, c b | a b c

Paddings: int32 or int64 [rank, 2], at most the dimension (REFLECT: one less).

TFLite: kernels/mirror_pad.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    COMMON,
    INTEGER_INDICES,
    kernels,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    version,
)
from qcore.ops._pad import paddings
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import MirrorPadMode, MirrorPadOptions, TensorType

_QUANTIZED = (TensorType.UINT8, TensorType.INT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class Params:
    """(before, after) of each dimension; offset 1 leaves the edge out of the image, 0 repeats it."""

    paddings: tuple[tuple[int, int], ...]
    offset: int


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    pads = paddings(n, INTEGER_INDICES)
    if pads is None:
        return [None]
    offset = _offset(n)
    shape = n.input(0).shape
    for size, pair in zip(shape, pads, strict=True):
        n.require_shapes(max(pair) <= max(size - offset, 0), f"paddings {pair} of dimension {size} exceed its image")
    return [tuple(size + before + after for size, (before, after) in zip(shape, pads, strict=True))]


def _offset(n: Node) -> int:
    mode = n.options(MirrorPadOptions).mode
    n.require(mode in (MirrorPadMode.REFLECT, MirrorPadMode.SYMMETRIC), f"mirror mode {mode} does not exist")
    return 1 if mode == MirrorPadMode.REFLECT else 0


def prepare(n: Node) -> Params:
    x, y = n.input(0), n.output()
    require_same_type(n, x, y)
    if x.type in _QUANTIZED:
        require_same_quantization(n, x, y)
    if x.type == TensorType.INT16:
        n.require(per_tensor(x)[1] == 0, "int16 zero points must be 0")
    pads = paddings(n, INTEGER_INDICES)
    assert pads is not None
    return Params(tuple(pads), _offset(n))


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    y = inputs[0]
    for axis, (before, after) in enumerate(p.paddings):
        if before or after:
            size = y.shape[axis]
            index = np.arange(-before, size + after)
            index = np.where(index < 0, p.offset - 1 - index, index)
            index = np.where(index >= size, 2 * size - 1 - p.offset - index, index)
            y = y.take(index, axis)
    return [y]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version(int8=2, int16=3),
)

"""RESIZE_NEAREST_NEIGHBOR: every pixel of the result is a copy of one of the image.

    step = in / out                                    align_corners and out > 1: (in - 1) / (out - 1)
    i    = floor(p * step)                             half_pixel_centers: (p + 0.5) * step
    i    = round(p * step), halves away from zero      align_corners
    y[p] = x[min(i, in - 1)]                           along both axes, in float32

TFLite: kernels/resize_nearest_neighbor.cc; internal/reference/resize_nearest_neighbor.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import round_half_away
from qcore.op import Array, Context, Node, Op
from qcore.ops import _resize
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import ResizeNearestNeighborOptions


@dataclass(frozen=True, slots=True)
class Params:
    """Which row and which column of the image each of the result's is a copy of."""

    rows: Array
    columns: Array


def prepare(n: Node) -> Params:
    x, y, options = n.input(0), n.output(), n.options(ResizeNearestNeighborOptions)
    n.require(x.type == y.type, f"operand and result must have one type, not {n.types}")
    return Params(*(_nearest(x.shape[axis], y.shape[axis], options) for axis in (1, 2)))


def _nearest(size: int, output: int, options: ResizeNearestNeighborOptions) -> Array:
    aligned = options.align_corners and output > 1
    step = np.float32(size - 1) / np.float32(output - 1) if aligned else np.float32(size) / np.float32(output)
    position = np.arange(output).astype(np.float32)
    if options.half_pixel_centers:
        position += np.float32(0.5)
    position *= step
    index = round_half_away(position) if options.align_corners else np.floor(position)
    return np.clip(index.astype(np.int64), 0, size - 1)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    return [np.take(np.take(x, p.rows, axis=1), p.columns, axis=2)]


def version(n: Node) -> int:
    options = n.options(ResizeNearestNeighborOptions)
    return _resize.version(n, options, options.half_pixel_centers or options.align_corners)


OP = Op(
    infer=_resize.infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int16"), eval_any),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

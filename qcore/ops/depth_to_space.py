"""DEPTH_TO_SPACE: channels laid out as blocks of space, the inverse of SPACE_TO_DEPTH.

    y[n, h * B + bh, w * B + bw, c] = x[n, h, w, (bh * B + bw) * C + c],  C = channels / B^2

TFLite: kernels/depth_to_space.cc; internal/reference/depth_to_space.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import refused_movement
from qcore.ops._movement import kernels, require_counts, require_same_type, version
from qcore.rules import Rules, same_as
from tflite_schema import DepthToSpaceOptions


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    shape, block = n.input(0).shape, n.options(DepthToSpaceOptions).block_size
    n.require_shapes(len(shape) == 4, f"shape {shape}; four dimensions expected")
    n.require(block > 0, f"block_size {block} must be positive")
    batch, height, width, channels = shape
    n.require_shapes(channels % (block * block) == 0, f"{channels} channels are no multiple of block_size {block} ^ 2")
    return [(batch, height * block, width * block, channels // block // block)]


def prepare(n: Node) -> int:
    """The block size."""
    require_same_type(n, n.input(0), n.output())
    return n.options(DepthToSpaceOptions).block_size


def eval_any(p: int, inputs: list[Array], ctx: Context) -> list[Array]:
    batch, height, width, channels = inputs[0].shape
    kept = channels // p // p
    y = inputs[0].reshape(batch, height, width, p, p, kept).transpose(0, 1, 3, 2, 4, 5)
    return [np.ascontiguousarray(y).reshape(batch, height * p, width * p, kept)]


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and blocks above 1."""
    if n.options(DepthToSpaceOptions).block_size <= 1:
        return "its blocks are single elements"
    return refused_movement(n, n.input(0), n.output())


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "uint8", "int32", "int64"),
    rules=Rules(outputs=(same_as(0),), quantizable=frozenset({"int8"})),
    version=version(int8=2),
    refused=refused,
)

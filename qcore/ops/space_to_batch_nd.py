"""SPACE_TO_BATCH_ND: each position within a block of space becomes a batch of its own.

    y[(bh * BW + bw) * N + b, h, w] = pad(x)[b, h * BH + bh, w * BW + bw]

Padding is the result's zero point (8 bit), else 0. Shapes of operands: see _block.py.

TFLite: kernels/space_to_batch_nd.cc; internal/reference/space_to_batch_nd.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._block import Edges, blocks, require_same, version
from qcore.ops._movement import COMMON, kernels, per_tensor
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """Block shape, paddings of each spatial dimension, and their value."""

    block: list[int]
    paddings: Edges
    pad_value: int


def infer(n: Node) -> list[Shape | None]:
    plan = blocks(n, "paddings")
    if plan is None:
        return [None]
    shape = n.input(0).shape
    batch, spatial = shape[0], []
    for size, block, edges in zip(shape[1:-1], *plan, strict=True):
        padded = size + sum(edges)
        n.require_shapes(padded % block == 0, f"padded dimension {padded} is no multiple of block {block}")
        spatial.append(padded // block)
        batch *= block
    return [(batch, *spatial, shape[-1])]


def prepare(n: Node) -> Params:
    require_same(n)
    plan = blocks(n, "paddings")
    assert plan is not None
    eight_bit = n.output().type in (TensorType.INT8, TensorType.UINT8)
    return Params(*plan, per_tensor(n.output())[1] if eight_bit else 0)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    batch, channels = x.shape[0], x.shape[-1]
    padded = [size + sum(edges) for size, edges in zip(x.shape[1:-1], p.paddings, strict=True)]
    y = np.full((batch, *padded, channels), p.pad_value, x.dtype)
    inside = [slice(edges[0], edges[0] + size) for size, edges in zip(x.shape[1:-1], p.paddings, strict=True)]
    y[(slice(None), *inside)] = x
    split = [part for size, block in zip(padded, p.block, strict=True) for part in (size // block, block)]
    places = range(1, 2 * len(p.block), 2)
    order = [place + 1 for place in places] + [0, *places, 2 * len(p.block) + 1]
    y = y.reshape(batch, *split, channels).transpose(order)
    return [np.ascontiguousarray(y).reshape(batch * int(np.prod(p.block)), *split[::2], channels)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

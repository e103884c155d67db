"""BATCH_TO_SPACE_ND: batches laid out as the positions within blocks of space, then the crops cut off.

    full[b, h * BH + bh, w * BW + bw] = x[(bh * BW + bw) * N + b, h, w];  y = full without its crops

Shapes of operands: see _block.py.

TFLite: kernels/batch_to_space_nd.cc; internal/reference/batch_to_space_nd.h
"""

from __future__ import annotations

import math

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._block import Edges, blocks, require_same, version
from qcore.ops._movement import COMMON, kernels
from qcore.rules import Rules, activation, same_as, untouched


def infer(n: Node) -> list[Shape | None]:
    plan = blocks(n, "crops")
    if plan is None:
        return [None]
    shape, (block, crops) = n.input(0).shape, plan
    n.require_shapes(shape[0] % math.prod(block) == 0, f"batch {shape[0]} is no multiple of block {block}")
    spatial = [size * b - sum(edges) for size, b, edges in zip(shape[1:-1], block, crops, strict=True)]
    n.require_shapes(all(size >= 0 for size in spatial), f"crops {crops} exceed shape {shape} in blocks of {block}")
    return [(shape[0] // math.prod(block), *spatial, shape[-1])]


def prepare(n: Node) -> tuple[list[int], Edges]:
    """(block shape, crops)."""
    require_same(n)
    plan = blocks(n, "crops")
    assert plan is not None
    return plan


def eval_any(p: tuple[list[int], Edges], inputs: list[Array], ctx: Context) -> list[Array]:
    x, (block, crops) = inputs[0], p
    count = len(block)
    batch, spatial, channels = x.shape[0] // math.prod(block), x.shape[1:-1], x.shape[-1]
    order = [count, *(axis for i in range(count) for axis in (count + 1 + i, i)), 2 * count + 1]
    y = x.reshape(*block, batch, *spatial, channels).transpose(order)
    y = y.reshape(batch, *(size * b for size, b in zip(spatial, block, strict=True)), channels)
    inside = [slice(edges[0], size - edges[1]) for size, edges in zip(y.shape[1:-1], crops, strict=True)]
    return [y[(slice(None), *inside)]]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

"""Blocks of space moved into the batch: SPACE_TO_BATCH_ND and its inverse, BATCH_TO_SPACE_ND.

The batch of a result counts the positions within a block first, then the operand's batches. One spatial dimension
[N, H, C] or two [N, H, W, C]; operands 1 and 2 are int32: block shape [M] and paddings or crops [M, 2].

TFLite: kernels/space_to_batch_nd.cc, kernels/batch_to_space_nd.cc
"""

from __future__ import annotations

from qcore.op import Node
from qcore.ops._movement import (
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    require_types,
)
from tflite_schema import TensorType

__all__ = ["Edges", "blocks", "require_same", "version"]

Edges = list[tuple[int, int]]
_QUANTIZED = (TensorType.UINT8, TensorType.INT8, TensorType.INT16)


def blocks(n: Node, what: str) -> tuple[list[int], Edges] | None:
    """(block shape, paddings or crops), None while not known; raises unless both fit the operand's rank."""
    require_counts(n, 3)
    x = n.input(0)
    if x.rank not in (3, 4):
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes 3 or 4")
    spatial = x.rank - 2
    for position, name, shape in ((1, "the block shape", (spatial,)), (2, what, (spatial, 2))):
        operand = require_types(n, position, (TensorType.INT32,), name)
        n.require_shapes(operand.shape == shape, f"{name} of shape {operand.shape}, expected {shape}")
    block, edges = n.integers(1), n.integers(2)
    if block is None or edges is None:
        return None
    n.require_shapes(all(size > 0 for size in block), f"block shape {block} must be positive")
    n.require_shapes(all(size >= 0 for size in edges), f"{what} {edges} must not be negative")
    return block, list(zip(edges[::2], edges[1::2], strict=True))


def require_same(n: Node) -> None:
    """ModelError unless operand 0 and the result agree in type and parameters."""
    x, y = n.input(0), n.output()
    require_same_type(n, x, y)
    if x.type in _QUANTIZED:
        require_same_quantization(n, x, y)
    if x.type == TensorType.INT16:
        n.require(per_tensor(x)[1] == 0, "int16 zero points must be 0")


def version(n: Node) -> int:
    """The operator version the converter writes."""
    x = n.input(0)
    if x.type == TensorType.INT16:
        return 4
    if x.rank != 4:
        return 3
    return 2 if x.type == TensorType.INT8 else 1

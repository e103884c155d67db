"""FULLY_CONNECTED with float32 input and int4 weights quantized block by block: a scale for each block of a row.

    acc[c, b] = sum over block b of q * w[c]          q, s and z of each row of x, always asymmetric: see _hybrid.py
    y = (sum over b of acc[c, b] * sw[c, b] - z * sum over b of sw[c, b] * sum(w[c, block b])) * s + bias[c]

Each step is rounded to float32, blocks from the left. TFLite's reference kernel has no block scales; this is its
optimized kernel, which takes an even number of 32 columns or more, 4 rows or more, and forgets a fused activation.
TFLite: kernels/fully_connected.cc (EvalBlockwise4Bit)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import gemm
from qcore.numerics.gemm import Weights
from qcore.op import Array, Context, Node, NodeTensor, Shape
from qcore.ops._hybrid import quantize_rows
from qcore.ops._product import constant, trace_accumulator
from tflite_schema import ActivationFunctionType, BlockwiseQuantization, TensorType

__all__ = ["BlockwiseParams", "eval_blockwise", "is_packed", "prepare_blockwise", "scales_of_blocks"]

_LEAST_COLUMNS = 32
_LEAST_ROWS = 4


@dataclass(frozen=True, slots=True, eq=False)
class BlockwiseParams:
    """For each block of columns its weights and scales float32 [O]; `sums` is the sum of all weights times scales."""

    shape: Shape
    size: int
    weights: tuple[Weights, ...]
    scales: NDArray[np.float32]
    sums: NDArray[np.float32]


def scales_of_blocks(n: Node, w: NodeTensor) -> tuple[int, NDArray[np.float32]]:
    """The size of a block and the scales, float32 [rows, blocks], of a table [rows, columns]."""
    assert w.block_scales is not None
    assert w.quant is not None
    assert isinstance(w.quant.details, BlockwiseQuantization)
    size, scales = w.quant.details.block_size, w.block_scales
    n.require(scales.dtype == np.float16, f"block scales have type {scales.dtype}, expected float16")
    n.require_shapes(w.rank == 2, f"weights {w.shape} in blocks must have 2 dimensions")
    n.require(size > 0 and w.shape[1] % size == 0, f"rows of {w.shape[1]} do not fall into blocks of {size}")
    blocks = w.shape[1] // size
    n.require(scales.size == w.shape[0] * blocks, f"{scales.size} block scales for {w.shape[0]} rows of {blocks}")
    return size, scales.reshape(w.shape[0], blocks).astype(np.float32)


def is_packed(n: Node) -> bool:
    """Whether TFLite's optimized kernel packs int4 weights and quantizes its input in a way of its own."""
    w = n.input(1)
    rows, columns = w.shape
    large = rows >= _LEAST_ROWS and columns >= _LEAST_COLUMNS and columns % 2 == 0
    return n.kernels.name == "optimized" and w.type == TensorType.INT4 and w.value is not None and large


def prepare_blockwise(n: Node, fused: ActivationFunctionType) -> BlockwiseParams:
    """The constants of a product with block-wise weights."""
    w = n.input(1)
    if w.block_scales is None:
        raise n.unsupported("the arithmetic of packed int4 weights is not known; use kernels='reference'")
    size, scales = scales_of_blocks(n, w)
    rows, columns = w.shape
    if w.type != TensorType.INT4 or rows < _LEAST_ROWS or columns < _LEAST_COLUMNS or columns % 2:
        raise n.unsupported(
            f"block-wise weights {w.shape}: TFLite's kernel takes int4 weights of {_LEAST_ROWS} rows or more and an "
            f"even number of {_LEAST_COLUMNS} columns or more"
        )
    if fused != ActivationFunctionType.NONE:
        raise n.unsupported("TFLite's kernel for block-wise weights forgets a fused activation; make it an operator")
    blocks = constant(n, 1).reshape(rows, -1, size)
    sums = np.zeros(rows, np.float32)
    for block, scale in zip(blocks.sum(axis=2, dtype=np.int32).T, scales.T, strict=True):
        sums += scale * block.astype(np.float32)
    weights = tuple(gemm.prepare_weights(block, 0, (-128, 127)) for block in blocks.transpose(1, 0, 2))
    return BlockwiseParams(n.output().shape, size, weights, np.ascontiguousarray(scales.T), sums)


def eval_blockwise(p: BlockwiseParams, inputs: list[Any], ctx: Context) -> list[Array]:
    x, w, *rest = inputs
    rows = quantize_rows(x.reshape(-1, w.shape[1]), True)
    q = ctx.trace("quantize_input", rows.q)
    sums = [gemm.matmul(q[:, i * p.size : (i + 1) * p.size], weights) for i, weights in enumerate(p.weights)]
    trace_accumulator(np.stack(sums, -1), ctx)
    y = np.zeros((len(q), w.shape[0]), np.float32)
    for acc, scale in zip(sums, p.scales, strict=True):
        y += acc.astype(np.float32) * scale
    y -= rows.zero_point.astype(np.float32) * p.sums
    y = ctx.trace("scale", y * rows.scale)
    if rest and rest[0] is not None:
        y = ctx.trace("add_bias", y + rest[0].reshape(-1))
    return [y.reshape(p.shape)]

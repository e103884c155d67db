"""FULLY_CONNECTED with integer weights that the file stores sparse: rows of blocks of 16, all-zero blocks left out.

    int8     y = clamp(round(acc * M[c]) + zy)               rounded in fixed point, where dense weights use float64
    hybrid   y = clamp((bias - ((s * z) * sw) * sum(w)) + acc * (sw * s))         the bias first, all steps in float32

float32 weights may be stored in any sparse format; they are multiplied as dense ones.
TFLite: internal/optimized/sparse_ops/fully_connected.h; internal/optimized/sse_tensor_utils.cc
(SseSparseMatrixBatchVectorMultiplyAccumulate)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import gemm
from qcore.numerics.gemm import Weights
from qcore.op import Array, Context, Node, NodeTensor, Shape
from qcore.ops._activation import Bounds, clamp
from qcore.ops._hybrid import integer_weights, quantize_rows
from qcore.ops._product import trace_accumulator
from tflite_schema import DimensionType, SparsityParameters, TensorType

__all__ = ["SparseHybridParams", "eval_sparse_hybrid", "prepare_sparse_hybrid", "require_blocks"]

_BLOCK = 16
_MOST_BLOCKS = 255  # of a row; the hybrid kernel keeps their numbers in bytes


@dataclass(frozen=True, slots=True, eq=False)
class SparseHybridParams:
    """float32 input and sparse int8 weights: the weights, the sums of their rows, and their scales, one or [O]."""

    shape: Shape
    asymmetric: bool
    weights: Weights
    sums: NDArray[np.float32]
    scale: NDArray[np.float32]
    activation: Bounds


def require_blocks(n: Node, w: NodeTensor) -> None:
    """UnsupportedError unless w holds sparse int8 rows of blocks of 16, as TFLite's kernels take for granted."""
    if w.type != TensorType.INT8 or n.input(0).type not in (TensorType.FLOAT32, TensorType.INT8):
        raise n.unsupported("sparse weights of this type have no kernel; insert a DENSIFY")
    assert w.sparsity is not None
    if not _is_rows_of_blocks(w.sparsity):
        raise n.unsupported(
            f"sparse integer weights must be rows of blocks of {_BLOCK}; other formats have no kernel. Insert a DENSIFY"
        )
    n.require(w.quant is None or not w.quant.zero_point.any(), "sparse weights have a zero point; TFLite requires 0")
    integer_weights(n, w)  # refuses -128: the kernel adds two products in 16 bits, and 2 * 128 * 128 wraps there


def _is_rows_of_blocks(sparsity: SparsityParameters) -> bool:
    levels = sparsity.dim_metadata or []
    order, block_map = sparsity.traversal_order, sparsity.block_map
    return (
        [level.format for level in levels] == [DimensionType.DENSE, DimensionType.SPARSE_CSR, DimensionType.DENSE]
        and levels[2].dense_size == _BLOCK
        and order is not None
        and list(order) == [0, 1, 2]
        and block_map is not None
        and list(block_map) == [1]
    )


def prepare_sparse_hybrid(n: Node, asymmetric: bool, activation: Bounds) -> SparseHybridParams:
    """The constants of a hybrid product with sparse weights."""
    w = n.input(1)
    if w.shape[1] // _BLOCK > _MOST_BLOCKS:
        raise n.unsupported(f"sparse rows of {w.shape[1]} columns; TFLite numbers up to {_MOST_BLOCKS} blocks of a row")
    value = integer_weights(n, w)
    sums = value.sum(axis=1, dtype=np.int64).astype(np.float32)
    weights = gemm.prepare_weights(value, 0, (-128, 127))
    return SparseHybridParams(n.output().shape, asymmetric, weights, sums, w.scales, activation)


def eval_sparse_hybrid(p: SparseHybridParams, inputs: list[Any], ctx: Context) -> list[Array]:
    x, w, *rest = inputs
    rows = quantize_rows(x.reshape(-1, w.shape[1]), p.asymmetric)
    acc = gemm.matmul(ctx.trace("quantize_input", rows.q), p.weights)
    trace_accumulator(acc, ctx)
    per_channel = p.scale.size > 1
    scale = rows.scale if per_channel else rows.scale * p.scale
    product = ctx.trace("scale", acc.astype(np.float32) * (scale * p.scale if per_channel else scale))
    bias = rest[0].reshape(-1) if rest and rest[0] is not None else np.float32(0)
    if p.asymmetric:
        offset = scale * rows.zero_point.astype(np.float32)
        bias = bias - (offset * p.scale if per_channel else offset) * p.sums
    y = ctx.trace("add_bias", np.asarray(bias + product, np.float32))
    return [
        np.asarray(ctx.trace("clamp", clamp(y.copy() if ctx.trace.recording else y, p.activation))).reshape(p.shape)
    ]

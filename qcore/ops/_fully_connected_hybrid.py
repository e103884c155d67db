"""FULLY_CONNECTED with float32 input and integer weights, each row of the input quantized as it arrives.

    y = clamp(acc * (s * sw) + bias)        one s and zero point for each row, see _hybrid.py; XNNPACK: see _dynamic.py

TFLite: kernels/fully_connected.cc (EvalHybrid)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.numerics import gemm
from qcore.op import Array, Context, Node, Shape
from qcore.ops._activation import Bounds, bounds
from qcore.ops._blockwise import BlockwiseParams, eval_blockwise, is_packed, prepare_blockwise
from qcore.ops._dynamic import dynamic_result, dynamic_rows, refused_dynamic
from qcore.ops._hybrid import HybridWeights, integer_weights, prepare_hybrid, quantize_rows
from qcore.ops._product import float_result, trace_accumulator, weight_scales
from qcore.ops._sparse import SparseHybridParams, eval_sparse_hybrid, prepare_sparse_hybrid
from tflite_schema import FullyConnectedOptions

__all__ = ["AnyHybridParams", "HybridParams", "eval_hybrid", "prepare_float_times_integer", "refused_hybrid"]


@dataclass(frozen=True, slots=True)
class HybridParams:
    """The constants of a product with dense weights; `xnnpack`: its way of quantizing rows and of scaling sums."""

    shape: Shape
    asymmetric: bool
    xnnpack: bool
    weights: HybridWeights
    activation: Bounds


AnyHybridParams = HybridParams | SparseHybridParams | BlockwiseParams


def prepare_float_times_integer(n: Node) -> AnyHybridParams:
    """The constants of the product, by the way the weights are stored."""
    options, w = n.options(FullyConnectedOptions), n.input(1)
    fused = options.fused_activation_function
    if w.block_scales is not None or is_packed(n):
        return prepare_blockwise(n, fused)
    weight_scales(n, w, w.shape[0])
    asymmetric = options.asymmetric_quantize_inputs
    if w.sparsity is not None:
        return prepare_sparse_hybrid(n, asymmetric, bounds(n, fused, keep_infinities=True))
    weights = prepare_hybrid(integer_weights(n, w), w.scales)
    return HybridParams(
        n.output().shape, asymmetric, n.kernels.name == "xnnpack", weights, bounds(n, fused, keep_infinities=True)
    )


def eval_hybrid(p: AnyHybridParams, inputs: list[Any], ctx: Context) -> list[Array]:
    """The kernel of the variant "hybrid"."""
    if isinstance(p, BlockwiseParams):
        return eval_blockwise(p, inputs, ctx)
    if isinstance(p, SparseHybridParams):
        return eval_sparse_hybrid(p, inputs, ctx)
    x, w, *rest = inputs
    bias, x_rows = rest[0] if rest else None, x.reshape(-1, w.shape[1])
    rows = dynamic_rows(x_rows) if p.xnnpack else quantize_rows(x_rows, p.asymmetric)
    q = ctx.trace("quantize_input", rows.q)
    acc = gemm.matmul(q, p.weights.weights) - rows.zero_point * p.weights.sums
    trace_accumulator(acc, ctx)
    if p.xnnpack:
        return [dynamic_result(acc, rows.scale, p.weights.scale, bias, p.activation, ctx).reshape(p.shape)]
    with np.errstate(over="ignore"):
        product = acc.astype(np.float32) * (p.weights.scale * rows.scale)
    return [float_result(product, bias, p.activation, ctx, "scale").reshape(p.shape)]


def refused_hybrid(n: Node) -> str | None:
    """Why XNNPACK does not take the node."""
    return refused_dynamic(n, axis=0, bias_required=False, int4=True)

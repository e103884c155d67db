"""BATCH_MATMUL: products of matrices; the leading dimensions broadcast.

    acc = sum((x - zx) * (w - zw))                   over the last axis of x and the last but one of w
    y   = clamp(round(acc * M) + zy)                 M = float32(sx * sw) / sy, held as int32 multiplier and shift

x [..., A, B] (adj_x: [..., B, A]), w [..., B, C] (adj_y: [..., C, B]), y [..., A, C]; 2 to 5 dimensions. Parameters are
per tensor. int8 with an int32 result: acc, zero points ignored. int16: zero points are 0, int64 accumulators, a 15-bit
M. TFLite 2.21 leaves most of the result unwritten for adj_x where w broadcasts along its third axis from the end; here,
as in later versions, it is computed.
XNNPACK of TensorFlow 2.21 takes zw for 0; that of ai-edge-litert 2.3 leaves such a product to the optimized kernels.
Hybrid: float32 x with int8 w: y = (s * sw) * acc, one scale s and zero point for each row of x, see _hybrid.py.
TFLite: kernels/batch_matmul.cc; internal/reference/batch_matmul.h
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.float32 import to_int32
from qcore.numerics.gemm import matmul_integers
from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._activation import Bounds
from qcore.ops._broadcast import broadcast_shape
from qcore.ops._delegate import refused_tensors, require_known_product, unknown
from qcore.ops._hybrid import quantize_rows, row_sums
from qcore.ops._movement import require_counts
from qcore.ops._product import (
    STEPS,
    ProductRules,
    Tail,
    float32_multiplier,
    float_result,
    multiplier_and_rules,
    tail,
    trace_accumulator,
    weight_scales,
)
from qcore.rules import Rules, activation
from tflite_schema import ActivationFunctionType, BatchMatMulOptions, TensorType

WEIGHT_TYPES = {
    TensorType.FLOAT32: (TensorType.FLOAT32,),
    TensorType.INT8: (TensorType.INT8,),
    TensorType.INT16: (TensorType.INT16,),
}
_NO_BOUNDS: Bounds = (None, None)


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of an integer product; `tail` is None where the accumulators are the result."""

    adj_x: bool
    adj_y: bool
    zero_points: tuple[int, int] = (0, 0)
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class HybridParams:
    """float32 rows, quantized as they arrive, and int8 matrices.

    The shapes are those of the operands with three leading dimensions. The indices pick the parameters of the rows, and
    the sums of the columns, of each product of matrices.
    """

    shape: Shape
    adj_x: bool
    adj_y: bool
    asymmetric: bool
    scale: NDArray[np.float32]
    x_shape: Shape
    w_shape: Shape
    row_index: NDArray[np.int64]
    column_index: NDArray[np.int64]


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    options, x, w = n.options(BatchMatMulOptions), n.input(0), n.input(1)
    n.require_shapes(
        min(x.rank, w.rank) >= 2 and max(x.rank, w.rank) <= 5, f"{x.shape} and {w.shape}: 2 to 5 dimensions"
    )
    rows, depth = _matrix(x, options.adj_x)
    other_depth, columns = _matrix(w, options.adj_y)
    n.require_shapes(depth == other_depth, f"matrices {rows} x {depth} and {other_depth} x {columns} have no product")
    return [(*broadcast_shape(n, x.shape[:-2], w.shape[:-2]), rows, columns)]


def _matrix(t: NodeTensor, transposed: bool) -> tuple[int, int]:
    rows, columns = t.shape[-2:]
    return (columns, rows) if transposed else (rows, columns)


def prepare(n: Node) -> Params | HybridParams:
    options, x, w, y = n.options(BatchMatMulOptions), n.input(0), n.input(1), n.output()
    if x.type == y.type == TensorType.FLOAT32 and w.type == TensorType.INT8:
        return _prepare_hybrid(n)
    if w.type not in WEIGHT_TYPES[x.type]:
        raise n.unsupported(f"a second operand of type {w.type.name.lower()} has no kernel for {x.type.name.lower()}")
    p = Params(options.adj_x, options.adj_y)
    if x.type == TensorType.INT8 and y.type == TensorType.INT32:
        return p
    n.require(y.type == x.type, f"first operand and result must have one type, not {n.types}")
    if x.type == TensorType.FLOAT32:
        return p
    if x.type == TensorType.INT16:
        n.require(x.zero_point == w.zero_point == y.zero_point == 0, "int16 zero points must be 0")
    multiplier: NDArray[np.float64] = float32_multiplier(x, w, y)
    rules: ProductRules = "int64_accumulator"
    if x.type == TensorType.INT8:
        multiplier, rules = multiplier_and_rules(n, multiplier, x, w, "double_rounding")
    end = tail(n, multiplier, rules, ActivationFunctionType.NONE)
    ignored = n.kernels.name == "xnnpack"
    return replace(p, zero_points=(x.zero_point, 0 if ignored else w.zero_point), tail=end)


def _prepare_hybrid(n: Node) -> HybridParams:
    """Matrices are numbered as TFLite does: by the sum of their leading indices. That is their place only where no more
    than one leading dimension is above 1; elsewhere a row gets the parameters of another.
    """
    options, x, w, shape = n.options(BatchMatMulOptions), n.input(0), n.input(1), n.output().shape
    weight_scales(n, w, shape[-1])
    (rows, depth), columns = _matrix(x, options.adj_x), shape[-1]
    x_lead, w_lead = x.shape[:-2], w.shape[:-2]
    if x_lead and w_lead and w_lead[-1] == 1:  # one matrix for all of x's last leading dimension: that many more rows
        if options.adj_x and x_lead[-1] > 1:
            raise n.unsupported("adj_x with several matrices in the first operand for one in the second")
        x_lead, w_lead, rows = x_lead[:-1], w_lead[:-1], x_lead[-1] * rows
    x_lead, w_lead = (1,) * (3 - len(x_lead)) + x_lead, (1,) * (3 - len(w_lead)) + w_lead
    asymmetric = options.asymmetric_quantize_inputs
    if asymmetric and sum(w_lead) - 3 >= w_lead[1] * w_lead[2]:
        raise n.unsupported(f"TFLite reads sums it has not computed for matrices {w.shape}")
    lead = np.broadcast_shapes(x_lead, w_lead)
    row_index = _numbers(x_lead, lead)[..., None] * rows + np.arange(rows)
    column_index = _numbers(w_lead, lead)[..., None] * columns + np.arange(columns)
    x_shape, w_shape = (*x_lead, rows, depth), (*w_lead, depth, columns)
    flags = options.adj_x, options.adj_y, asymmetric
    return HybridParams(shape, *flags, w.scales, x_shape, w_shape, row_index, column_index)


def _numbers(own: Shape, lead: Shape) -> NDArray[np.int64]:
    """The sum of the leading indices of each matrix, over the dimensions its operand does not broadcast."""
    return np.asarray(np.broadcast_to(np.indices(own).sum(axis=0), lead), np.int64)


def _operands(p: Params | HybridParams, inputs: list[Array]) -> tuple[Array, Array]:
    x, w = inputs
    return np.swapaxes(x, -1, -2) if p.adj_x else x, np.swapaxes(w, -1, -2) if p.adj_y else w


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, w = (
        np.subtract(t, np.int32(zero_point), dtype=np.int32)
        for t, zero_point in zip(_operands(p, inputs), p.zero_points, strict=True)
    )
    acc = matmul_integers(x, w)
    if p.tail is None:
        trace_accumulator(acc, ctx)
        return [acc.astype(np.int32)]
    return [p.tail.apply(acc, None, inputs[0].dtype, ctx, None)]


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [float_result(np.matmul(*_operands(p, inputs)), None, _NO_BOUNDS, ctx)]


def eval_hybrid(p: HybridParams, inputs: list[Array], ctx: Context) -> list[Array]:
    x, w = _operands(p, inputs)
    rows = quantize_rows(x, p.asymmetric)
    q = ctx.trace("quantize_input", rows.q)
    matrices = w.reshape(p.w_shape)
    dot = matmul_integers(q.reshape(p.x_shape), matrices).astype(np.float32)
    scale, zero_point = (t.reshape(-1)[p.row_index][..., None] for t in (rows.scale, rows.zero_point))
    sums = row_sums(np.swapaxes(matrices, -1, -2)).reshape(-1)[p.column_index][..., None, :]
    acc = to_int32(dot - sums.astype(np.float32) * zero_point.astype(np.float32))  # float32 steps, as in TFLite
    trace_accumulator(acc, ctx)
    product = (scale * p.scale) * acc.astype(np.float32)
    return [float_result(product.reshape(p.shape), None, _NO_BOUNDS, ctx, "scale")]


def refused(n: Node) -> str | None:
    """XNNPACK takes int8 throughout; ai-edge-litert 2.3 without a zero point of the second operand."""
    x, w, y = n.input(0), n.input(1), n.output()
    if x.type == TensorType.FLOAT32:
        raise unknown(n, "float operands")
    if w.type != x.type or y.type != x.type:
        return "its types are mixed"
    if 0 in (*x.shape, *w.shape) or w.scales.size > 1:
        raise unknown(n, "empty operands, or several scales of one,")
    if w.zero_point and n.kernels.version == "litert-2.3":
        return "its second operand has a zero point"
    reason = refused_tensors(n, x, y)
    if reason is None:
        require_known_product(n, x, w, _matrix(x, n.options(BatchMatMulOptions).adj_x)[1])
    return reason


def version(n: Node) -> int:
    x, w = n.input(0), n.input(1)
    if x.type in (TensorType.INT8, TensorType.INT16):
        return 2
    hybrid = x.type == TensorType.FLOAT32 and w.type == TensorType.INT8
    return 4 if hybrid and n.options(BatchMatMulOptions).asymmetric_quantize_inputs else 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": eval_quantized, "int16": eval_quantized, "hybrid": eval_hybrid},
    rules=Rules(inputs=(activation(), activation())),
    steps=STEPS,
    version=version,
    refused=refused,
)

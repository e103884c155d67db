"""BATCH_MATMUL: products of matrices; the leading dimensions broadcast.

    acc = sum((x - zx) * (w - zw))                   over the last axis of x and the last but one of w
    y   = clamp(round(acc * M) + zy)                 M = float32(sx * sw) / sy, held as int32 multiplier and shift

x [..., A, B] (adj_x: [..., B, A]), w [..., B, C] (adj_y: [..., C, B]), y [..., A, C]; 2 to 5 dimensions. Parameters are
per tensor. int8 with an int32 result: acc, zero points ignored. int16: zero points are 0, int64 accumulators, a 15-bit
M. TFLite 2.21 leaves most of the result unwritten for adj_x where w broadcasts along its third axis from the end; here,
as in later versions, it is computed.
TFLite: kernels/batch_matmul.cc; internal/reference/batch_matmul.h
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.gemm import matmul_integers
from qcore.numerics.requantize import Rule
from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._activation import Bounds
from qcore.ops._broadcast import broadcast_shape
from qcore.ops._product import STEPS, Tail, float32_multiplier, float_result, tail, trace_accumulator
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


def infer(n: Node) -> list[Shape]:
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


def prepare(n: Node) -> Params:
    options, x, w, y = n.options(BatchMatMulOptions), n.input(0), n.input(1), n.output()
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
    rule: Rule = "int64_accumulator" if x.type == TensorType.INT16 else "double_rounding"
    end = tail(n, float32_multiplier(x, w, y), rule, ActivationFunctionType.NONE)
    return replace(p, zero_points=(x.zero_point, w.zero_point), tail=end)


def _operands(p: Params, inputs: list[Array]) -> tuple[Array, Array]:
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


def version(n: Node) -> int:
    x, w = n.input(0), n.input(1)
    if x.type in (TensorType.INT8, TensorType.INT16):
        return 2 if x.type == TensorType.INT8 else 3
    hybrid = x.type == TensorType.FLOAT32 and w.type == TensorType.INT8
    return 4 if hybrid and n.options(BatchMatMulOptions).asymmetric_quantize_inputs else 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": eval_quantized, "int16": eval_quantized},
    rules=Rules(inputs=(activation(), activation())),
    steps=STEPS,
    version=version,
)

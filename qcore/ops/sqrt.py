"""SQRT: y = sqrt(x).

    int8, int16   y = clamp(trunc(sqrt(sx * (x - zx)) / sy) + zy), in float32; numbers below 0 are refused

TFLite: kernels/elementwise.cc (SqrtEvalQuantized)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics import float32
from qcore.numerics.affine import integer_range
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from qcore.ops._table import float_kernel
from qcore.ops._unary import ByteTable, infer_same_shape, require_not_below, tabulate
from qcore.rules import Rules, activation
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The quantization of operand and result; `place` for messages."""

    place: str
    input_scale: np.float32
    input_zero_point: int
    output_scale: np.float32
    output_zero_point: int
    table: ByteTable | None = None


def prepare(n: Node) -> Params | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type == TensorType.FLOAT32:
        return None
    n.require(bool(x.scale > 0 and y.scale > 0), f"scales {x.scale} and {y.scale} must be above 0")
    require_zero_point_in_type(n, x, y)
    p = Params(n.place, x.scale, x.zero_point, y.scale, y.zero_point)
    return replace(p, table=tabulate(steps, p, x.dtype)) if x.type == TensorType.INT8 else p


def steps(p: Params, x: Array, trace: Trace) -> Array:
    v = trace("dequantize", p.input_scale * (x.astype(np.int32) - p.input_zero_point).astype(np.float32))
    with np.errstate(invalid="ignore", over="ignore"):
        root = trace("function", np.sqrt(v))
        whole = trace("requantize", float32.to_int32(root / p.output_scale))
    return trace("clamp", np.clip(whole + p.output_zero_point, *integer_range(x.dtype))).astype(x.dtype)


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    require_not_below(x, p.input_zero_point, f"{p.place}: the square root of a negative number")
    return [steps(p, x, ctx.trace) if p.table is None else p.table.look_up(x, ctx.trace)]


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": float_kernel(float32.sqrt), "int8": eval_quantized, "int16": eval_quantized},
    rules=Rules(inputs=(activation(),), quantizable=frozenset({"int8"})),
    steps={
        "dequantize": "v = sx * (x - zx)",
        "function": "sqrt(v)",
        "requantize": "trunc(sqrt(v) / sy)",
        "clamp": "clamp(requantized + zy)",
    },
    version=by_type(int8=2, int16=2),
)

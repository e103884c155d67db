"""ABS: y = |x|; integers without scales wrap.

    int8, int16   y = clamp(round(|x - zx| * M) + zy)     M = sx / sy in float32; equal scales: no multiplication

TFLite: kernels/elementwise.cc (AbsEvalQuantized)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.affine import integer_range
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._delegate import refused_floats
from qcore.ops._scaling import (
    Multiplier,
    float32_ratio,
    has_scale,
    multiplier,
    require_one_type,
    require_zero_point_in_type,
)
from qcore.ops._unary import ByteTable, infer_same_shape, tabulate
from qcore.rules import Rules, activation
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants; `multiplier` is None where the scales are equal."""

    input_zero_point: int
    multiplier: Multiplier | None
    output_zero_point: int
    table: ByteTable | None = None


def prepare(n: Node) -> Params | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    quantized = x.type == TensorType.INT8 or (x.type == TensorType.INT16 and has_scale(x))
    if not quantized:
        return None
    if x.type == TensorType.INT16:
        require_zero_point_in_type(n, x, y)
    real = None if x.scale == y.scale else multiplier(n, float32_ratio(x.scale, over=y.scale))
    p = Params(x.zero_point, real, y.zero_point)
    return replace(p, table=tabulate(steps, p, x.dtype)) if x.type == TensorType.INT8 else p


def steps(p: Params, x: Array, trace: Trace) -> Array:
    magnitude = trace("magnitude", np.abs(x.astype(np.int64) - p.input_zero_point))
    y = trace("requantize", magnitude if p.multiplier is None else p.multiplier.scale(magnitude))
    return trace("clamp", np.clip(y + p.output_zero_point, *integer_range(x.dtype))).astype(x.dtype)


def eval_abs(p: Params | None, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if p is None:
        return [np.abs(x)]
    return [steps(p, x, ctx.trace) if p.table is None else p.table.look_up(x, ctx.trace)]


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.INT16:
        return 3 if has_scale(x) else 4
    return {TensorType.INT8: 2, TensorType.UINT8: 2, TensorType.INT32: 5}.get(x.type, 1)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": eval_abs, "int8": eval_abs, "int16": eval_abs, "int32": eval_abs},
    rules=Rules(inputs=(activation(),)),
    steps={
        "magnitude": "|x - zx|",
        "requantize": "round(magnitude * M)",
        "clamp": "clamp(requantized + zy)",
    },
    version=version,
    refused=refused_floats,
)

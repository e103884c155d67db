"""RSQRT: y = 1 / sqrt(x).

    int8    v = x - zx;  y = clamp(round(round(2^20 / sqrt(v)) * M / 2^20) + zy)     M = 1 / (sqrt(sx) * sy)
            v = 0 gives the highest number
    int16   a table, see _table.py; numbers that are not above 0 give the highest entry

Integers below 0 are refused.
TFLite: kernels/elementwise.cc (RsqrtEvalQuantizedInt8, RsqrtEvalQuantizedInt16)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics import float32
from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import multiply_by_quantized_multiplier
from qcore.numerics.gemmlowp import inverse_sqrt_quantized_multiplier
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _table
from qcore.ops._scaling import Multiplier, multiplier, require_one_type
from qcore.ops._table import eval_table, float_kernel
from qcore.ops._unary import ByteTable, infer_same_shape, require_not_below, tabulate
from qcore.rules import Rules, activation
from tflite_schema import TensorType

_SHIFT = 20  # keeps 1 / sqrt(v) an integer


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of int8; `place` for messages."""

    place: str
    input_zero_point: int
    multiplier: Multiplier
    output_zero_point: int
    table: ByteTable | None = None


@dataclass(frozen=True, slots=True)
class TableParams:
    """int16: the table; `place` for messages."""

    place: str
    table: object


def prepare(n: Node) -> Params | TableParams | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type == TensorType.FLOAT32:
        return None
    n.require(bool(x.scale > 0 and y.scale > 0), f"scales {x.scale} and {y.scale} must be above 0")
    if x.type == TensorType.INT16:
        with np.errstate(over="ignore"):
            highest = np.float32(32767) * y.scale
        return TableParams(n.place, _table.prepare(n, lambda v: np.where(v <= 0, highest, float32.rsqrt(v))))
    with np.errstate(all="ignore"):
        real = float(np.float64(1) / np.float64(np.sqrt(x.scale) * y.scale))
    p = Params(n.place, x.zero_point, multiplier(n, real), y.zero_point)
    return replace(p, table=tabulate(steps, p, x.dtype))


def steps(p: Params, x: Array, trace: Trace) -> Array:
    value = trace("subtract_zero_point", x.astype(np.int64) - p.input_zero_point)
    inverse, shift = inverse_sqrt_quantized_multiplier(np.maximum(value, 0))
    root = trace("inverse_root", multiply_by_quantized_multiplier(1, inverse, shift + _SHIFT))
    scaled = multiply_by_quantized_multiplier(root, p.multiplier.multiplier, p.multiplier.shift - _SHIFT)
    low, high = integer_range(x.dtype)
    y = np.clip(trace("requantize", scaled) + p.output_zero_point, low, high)
    return trace("clamp", np.where(value == 0, high, y)).astype(x.dtype)


def eval_int8(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    require_not_below(x, p.input_zero_point, f"{p.place}: the square root of a negative number")
    assert p.table is not None
    return [p.table.look_up(x, ctx.trace)]


def eval_int16(p: TableParams, inputs: list[Array], ctx: Context) -> list[Array]:
    require_not_below(inputs[0], 0, f"{p.place}: the square root of a negative number")
    assert isinstance(p.table, _table.Params)
    return eval_table(p.table, inputs, ctx)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": float_kernel(float32.rsqrt), "int8": eval_int8, "int16": eval_int16},
    rules=Rules(inputs=(activation(),)),
    steps={
        "subtract_zero_point": "int8: v = x - zx",
        "inverse_root": "int8: round(2^20 / sqrt(v))",
        "requantize": "int8: round(inverse root * M / 2^20)",
        "clamp": "int8: clamp(requantized + zy), the highest number for v = 0",
    }
    | _table.STEPS_INT16,
    version=by_type(int8=2, int16=3),
)

"""TANH: y = tanh(x).

    int8, uint8  a table of 256 entries
    int16        2 * sigmoid(2 x) - 1, interpolated in TFLite's sigmoid table; the result's scale must be 1/32768.
                 Optimized kernels, where the operand's scale is 2^-12 or 2^-11: gemmlowp's tanh in Q0.15

TFLite: kernels/activations.cc (TanhPrepare); internal/reference/tanh.h, integer_ops/tanh.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics import float32
from qcore.numerics.gemmlowp import saturating_left_shift, tanh_int16
from qcore.numerics.lut import sigmoid_table_multiplier, tanh_int16_table
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _table
from qcore.ops._delegate import refused_bytes
from qcore.ops._half import bfloat16_kernel, float16_kernel
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from qcore.ops._table import eval_table, float_kernel
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation, fixed
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """int16: x * multiplier, rounded and shifted, is 3 * 4096 times the real operand. `fixed_point`: x << that is 4096
    times the operand, for gemmlowp's function.
    """

    multiplier: int
    left_shift: int
    fixed_point: int | None = None


def prepare(n: Node) -> object:
    x, y = n.input(0), n.output()
    if x.type != TensorType.INT16:
        return _table.prepare(n, float32.tanh)
    require_one_type(n)
    require_zero_point_in_type(n, x, y)
    n.require(bool(x.scale > 0 and y.scale > 0), f"scales {x.scale} and {y.scale} must be above 0")
    n.require(float32.checked_log2(y.scale) == (-15, True), f"the result's scale must be 1/32768, not {y.scale}")
    log2, is_power = float32.checked_log2(x.scale)
    shift = log2 + 12 if n.kernels.name != "reference" and is_power and log2 in (-12, -11) else None
    return Params(*sigmoid_table_multiplier(x.scale, power_of_two_shifts=(0, 1)), shift)


def eval_int16(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    if p.fixed_point is not None:
        return [tanh_int16(saturating_left_shift(inputs[0], p.fixed_point, 16)).astype(np.int16)]
    return [tanh_int16_table(inputs[0], p.multiplier, p.left_shift, ctx.trace)]


_FLOAT32 = float_kernel(float32.tanh)
OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={
        "float32": _FLOAT32,
        "float16": float16_kernel(_FLOAT32),
        "bfloat16": bfloat16_kernel(_FLOAT32),
        "int8": eval_table,
        "uint8": eval_table,
        "int16": eval_int16,
    },
    rules=Rules(
        inputs=(activation(),),
        outputs=(fixed(int8=(1 / 128, 0), uint8=(1 / 128, 128), int16=(1 / 32768, 0)),),
    ),
    steps=_table.STEPS
    | {
        "scale": "int16: (x * multiplier + round) >> left_shift",
        "interpolate": "int16: sigmoid table at |scaled|, eight fractional bits",
    },
    version=by_type(int8=2, int16=3),
    refused=refused_bytes,
)

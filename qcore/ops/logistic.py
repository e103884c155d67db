"""LOGISTIC: y = 1 / (1 + exp(-x)).

    float32      exp(x) below -9 and 1 above 16.6, which is the same to float32
    int8, uint8  a table of 256 entries; the result's scale must be 1/256
    int16        interpolated in TFLite's 256-entry sigmoid table; the result's scale must be 1/32768.
                 Optimized kernels, where the operand's scale is 2^-12: gemmlowp's logistic in Q0.15

TFLite: kernels/activations.cc (SigmoidPrepare); internal/reference/logistic.h, integer_ops/logistic.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics import float32
from qcore.numerics.gemmlowp import logistic_int16
from qcore.numerics.lut import logistic_int16_table, sigmoid_table_multiplier
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _table
from qcore.ops._delegate import refused_bytes
from qcore.ops._half import bfloat16_kernel, float16_kernel
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from qcore.ops._table import FLOATS, eval_table
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation, fixed
from tflite_schema import TensorType

_UPPER = np.float32(16.619047164916992188)


@dataclass(frozen=True, slots=True)
class Params:
    """int16: x * multiplier, rounded and shifted, is 3 * 4096 times the real operand."""

    multiplier: int
    left_shift: int
    fixed_point: bool = False


def prepare(n: Node) -> object:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type in FLOATS:
        return None
    expected = 1 / 32768 if x.type == TensorType.INT16 else 1 / 256
    n.require(float(y.scale) == expected, f"the result's scale must be {expected}, not {y.scale}")
    if x.type != TensorType.INT16:
        return _table.prepare(n, float32.logistic, float32.logistic_through_float64)
    require_zero_point_in_type(n, x, y)
    n.require(bool(x.scale > 0), f"the operand's scale {x.scale} must be above 0")
    fixed_point = n.kernels.name != "reference" and float32.checked_log2(x.scale) == (-12, True)
    return Params(*sigmoid_table_multiplier(x.scale, power_of_two_shifts=(0,)), fixed_point)


def eval_float32(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    y = np.atleast_1d(float32.logistic(x))
    low = np.atleast_1d(x) < np.float32(-9)
    if low.any():
        y[low] = float32.exp(np.atleast_1d(x)[low])
    y[np.atleast_1d(x) > _UPPER] = 1
    return [y.reshape(x.shape)]


def eval_int16(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    if p.fixed_point:
        return [logistic_int16(inputs[0]).astype(np.int16)]
    return [logistic_int16_table(inputs[0], p.multiplier, p.left_shift, ctx.trace)]


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "float16": float16_kernel(eval_float32),
        "bfloat16": bfloat16_kernel(eval_float32),
        "int8": eval_table,
        "uint8": eval_table,
        "int16": eval_int16,
    },
    rules=Rules(
        inputs=(activation(),),
        outputs=(fixed(int8=(1 / 256, -128), uint8=(1 / 256, 0), int16=(1 / 32768, 0)),),
    ),
    steps=_table.STEPS
    | {
        "scale": "int16: (x * multiplier + round) >> left_shift",
        "interpolate": "int16: sigmoid table at |scaled|, nine fractional bits",
    },
    version=by_type(int8=2, int16=3),
    refused=refused_bytes,
)

"""HARD_SWISH: y = x * clamp(x + 3, 0, 6) / 6.

    int8, uint8, in int16 registers:   h = (x - zx) << 7                           x at scale sx / 128
        r = (sat16(h * (sx / 128) / (3 / 32768)) + 2^15) >> 1                      (clamp(x, -3, 3) + 3) / 6 in Q0.15
        o = high_mul(h, Mo)                                                        x at the result's scale, unshifted
        y = clamp(round(high_mul_truncated(r, o), 2^e) + zy)                       Mo * 2^e = sx / 128 / sy

TFLite: kernels/activations.cc (HardSwishPrepare); internal/reference/hard_swish.h
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import reduced_multiplier, wrap_int16
from qcore.numerics.gemmlowp import (
    rounding_divide_by_pot_int16,
    saturating_left_shift,
    saturating_rounding_multiply_int16,
)
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._delegate import refused_floats
from qcore.ops._scaling import float32_ratio, multiplier, require_one_type
from qcore.ops._unary import ByteTable, infer_same_shape, kernel_of, tabulate
from qcore.rules import Rules, activation
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants: 16-bit multipliers with their exponents."""

    input_zero_point: int
    output_multiplier: int
    output_exponent: int
    reluish_multiplier: int
    reluish_exponent: int
    output_zero_point: int
    table: ByteTable | None = None


def prepare(n: Node) -> Params | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type == TensorType.FLOAT32:
        return None
    fine_scale = np.float32(1 / 128) * x.scale
    output = multiplier(n, float32_ratio(fine_scale, over=y.scale))
    n.require(output.shift <= 0, f"the result's scale {y.scale} is too small for the operand's scale {x.scale}")
    reluish = multiplier(n, float32_ratio(fine_scale, over=np.float32(3) / np.float32(32768)))
    n.require(reluish.shift <= 16, f"the operand's scale {x.scale} is too large")
    p = Params(
        x.zero_point,
        int(reduced_multiplier(output.multiplier)),
        output.shift,
        int(reduced_multiplier(reluish.multiplier)),
        reluish.shift,
        y.zero_point,
    )
    return replace(p, table=tabulate(steps, p, x.dtype))


def steps(p: Params, x: Array, trace: Trace) -> Array:
    fine = trace("fine", wrap_int16(wrap_int16(x.astype(np.int64) - p.input_zero_point) << 7))
    scaled = trace("scale", saturating_rounding_multiply_int16(fine, p.output_multiplier))
    reluish = fine
    if p.reluish_exponent > 0:
        reluish = saturating_left_shift(reluish, p.reluish_exponent - 1, 16)
    reluish = saturating_rounding_multiply_int16(reluish, p.reluish_multiplier)
    if p.reluish_exponent > 0:
        reluish = saturating_left_shift(reluish, 1, 16)
    elif p.reluish_exponent < 0:
        reluish = rounding_divide_by_pot_int16(reluish, -p.reluish_exponent)
    reluish = trace("reluish", wrap_int16((reluish + (1 << 15)) >> 1))
    product = reluish * scaled
    truncated = trace("multiply", np.sign(product) * (np.abs(product) >> 15))
    y = trace("requantize", rounding_divide_by_pot_int16(truncated, -p.output_exponent))
    return trace("clamp", np.clip(wrap_int16(y + p.output_zero_point), *integer_range(x.dtype))).astype(x.dtype)


def eval_float32(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    with np.errstate(all="ignore"):
        relu6 = np.minimum(np.float32(6), np.maximum(np.float32(0), x + np.float32(3)))
        return [np.asarray(x * relu6 / np.float32(6))]


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": kernel_of(steps), "uint8": kernel_of(steps)},
    rules=Rules(inputs=(activation(),), quantizable=frozenset({"int8"})),
    steps={
        "fine": "h = (x - zx) << 7",
        "scale": "o = high_mul(h, Mo)",
        "reluish": "r = (sat16(h * Mr) + 2^15) >> 1",
        "multiply": "trunc(r * o / 2^15)",
        "requantize": "round(., 2^e)",
        "clamp": "clamp(requantized + zy)",
    },
    refused=refused_floats,
)

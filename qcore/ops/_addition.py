"""The arithmetic ADD and SUB share; a SUB is an ADD whose second operand enters with the other sign.

8-bit, and int16 without the power-of-two path, bring both operands to a common scale of t / 2^L first:

    t = 2 * max(sa, sb);  L = 20 (int16: 15)
    a' = round((a - za) << L, sa / t);  b' = round((b - zb) << L, sb / t)
    y  = clamp(round(a' + sign * b', t / (2^L * sy)) + zy)

TFLite: kernels/add.cc, kernels/sub.cc; internal/reference/{add,sub}.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import (
    multiply_by_quantized_multiplier_smaller_than_one_exp,
    quantize_multiplier,
    rounding_divide_by_pot,
)
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._activation import Bounds, bounds, clamp, integer_activation_range
from tflite_schema import AddOptions, SubOptions, TensorType

__all__ = ["STEPS", "FloatParams", "Params", "PowerOfTwoParams", "eval_integer", "eval_quantized", "prepare"]

_WRAPPING = (TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class Operand:
    """How one operand is brought to the common scale."""

    zero_point: int
    multiplier: int
    shift: int

    def scaled(self, x: Array, left_shift: int) -> Array:
        """round((x - zero_point) << left_shift, multiplier, shift) as int64."""
        offset = (x.astype(np.int64) - self.zero_point) << left_shift
        return multiply_by_quantized_multiplier_smaller_than_one_exp(offset, self.multiplier, self.shift)


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of a quantized ADD or SUB."""

    sign: int
    left_shift: int
    a: Operand
    b: Operand
    multiplier: int
    shift: int
    zero_point: int
    activation_range: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PowerOfTwoParams:
    """int16 with power-of-two scales: each operand is shifted right to the result's scale."""

    sign: int
    right_shifts: tuple[int, int]
    activation_range: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FloatParams:
    """float32, int32 and int64: no scales, only the fused activation."""

    sign: int
    activation: Bounds


def prepare(n: Node, sign: int) -> Params | PowerOfTwoParams | FloatParams:
    """The constants for n's type; UnsupportedError where operand types differ."""
    options: AddOptions | SubOptions = n.options(SubOptions) if sign < 0 else n.options(AddOptions)
    a, b, y = n.input(0), n.input(1), n.output()
    n.require(a.type == b.type == y.type, f"operands and result must have one type, not {n.types}")
    if a.type == TensorType.FLOAT32 or a.type in _WRAPPING:
        return FloatParams(sign, bounds(n, options.fused_activation_function))
    activation_range = integer_activation_range(n, options.fused_activation_function)
    if a.type == TensorType.INT16:
        n.require(a.zero_point == b.zero_point == y.zero_point == 0, "int16 zero points must be 0")
        if options.pot_scale_int16:
            exponents = [_power_of_two(t) for t in (a, b, y)]
            if None not in exponents:
                return _power_of_two_params(n, sign, exponents, activation_range)
    left_shift = 15 if a.type == TensorType.INT16 else 20
    twice = 2 * max(float(a.scale), float(b.scale))
    real = twice / float(np.float32((1 << left_shift) * y.scale))
    n.require(0 < real < 1, f"the result's scale {y.scale} is too small for scales {a.scale} and {b.scale}")
    multiplier, shift = quantize_multiplier(real)
    return Params(
        sign,
        left_shift,
        Operand(a.zero_point, *quantize_multiplier(float(a.scale) / twice)),
        Operand(b.zero_point, *quantize_multiplier(float(b.scale) / twice)),
        multiplier,
        shift,
        y.zero_point,
        activation_range,
    )


def _power_of_two(tensor: NodeTensor) -> int | None:
    """log2 of the scale if it is within 1e-3 of a whole number."""
    if not tensor.scale > 0:
        return None
    exponent = math.log2(float(tensor.scale))
    nearest = round(exponent)
    return nearest if abs(exponent - nearest) < 1e-3 else None


def _power_of_two_params(
    n: Node, sign: int, exponents: list[int | None], activation_range: tuple[int, int]
) -> PowerOfTwoParams:
    a, b, y = (e for e in exponents if e is not None)
    shifts = (y - a, y - b)
    n.require(
        min(shifts) == 0 and max(shifts) >= 0,
        "int16 with power-of-two scales: one operand must have the result's scale and none a larger one",
    )
    return PowerOfTwoParams(sign, shifts, activation_range)


def eval_integer(p: FloatParams, inputs: list[Array], ctx: Context) -> list[Array]:
    """float32, int32 and int64."""
    a, b = inputs
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.asarray(a + b if p.sign > 0 else a - b)
    return [clamp(y, p.activation)]


def eval_quantized(p: Params | PowerOfTwoParams, inputs: list[Array], ctx: Context) -> list[Array]:
    """int8, uint8 and int16."""
    a, b = inputs
    if isinstance(p, PowerOfTwoParams):
        left = ctx.trace("scale_a", rounding_divide_by_pot(a, p.right_shifts[0]))
        right = ctx.trace("scale_b", rounding_divide_by_pot(b, p.right_shifts[1]))
        y = ctx.trace("sum", np.clip(left + p.sign * right, -32768, 32767))
    else:
        left = ctx.trace("scale_a", p.a.scaled(a, p.left_shift))
        right = ctx.trace("scale_b", p.b.scaled(b, p.left_shift))
        total = ctx.trace("sum", left + p.sign * right)
        scaled = multiply_by_quantized_multiplier_smaller_than_one_exp(total, p.multiplier, p.shift)
        y = ctx.trace("requantize", scaled) + p.zero_point
    y = ctx.trace("clamp", np.clip(y, *p.activation_range))
    return [np.asarray(y).astype(a.dtype)]


STEPS = {
    "scale_a": "round((a - za) << L, Ma)",
    "scale_b": "round((b - zb) << L, Mb)",
    "sum": "a' + b' (SUB: a' - b')",
    "requantize": "round(sum, M)",
    "clamp": "clamp(requantized + zy)",
}

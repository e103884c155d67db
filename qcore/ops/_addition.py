"""The arithmetic ADD and SUB share; a SUB is an ADD whose second operand enters with the other sign.

8-bit, and int16 without the power-of-two path, bring both operands to a common scale of t / 2^L first:

    t = 2 * max(sa, sb);  L = 20 (int16: 15)
    a' = round((a - za) << L, sa / t);  b' = round((b - zb) << L, sb / t)
    y  = clamp(round(a' + sign * b', t / (2^L * sy)) + zy)

The optimized ADD (int16: of equal shapes) has vector code, see _lanes.py, which rounds a' and b' once: it shifts before
the multiplication, or after it and downwards. In 8 bits it adds zy in int16, which wraps.

TFLite: kernels/add.cc, kernels/sub.cc; internal/reference/{add,sub}.h
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from qcore.numerics.fixedpoint import (
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int16,
)
from qcore.numerics.float32 import checked_log2
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._activation import Bounds, bounds, clamp, integer_activation_range
from qcore.ops._addition_xnnpack import XnnpackParams, add_once_rounded
from qcore.ops._lanes import NOWHERE, Lanes, broadcast_runs
from qcore.ops._pairs import PairTable, pair_kernel_in_lanes
from qcore.ops._scaling import (
    Multiplier,
    has_scale,
    multiplier,
    require_one_type,
    require_zero_point_in_type,
)
from tflite_schema import AddOptions, SubOptions, TensorType

__all__ = [
    "STEPS",
    "FloatParams",
    "Operand",
    "Params",
    "PowerOfTwoParams",
    "eval_integer",
    "eval_quantized",
    "prepare",
]

Code = Literal["scalar", "vector_shift_before", "vector_shift_after"]
_WRAPPING = (TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class Operand:
    """How one operand is brought to the common scale."""

    zero_point: int
    multiplier: Multiplier

    def scaled(self, x: Array, left_shift: int, code: Code = "scalar") -> Array:
        """round((x - zero_point) << left_shift, multiplier) as int64."""
        offset = x.astype(np.int64) - self.zero_point
        shift = self.multiplier.shift
        if code == "scalar":
            return self.multiplier.scale_down(offset << left_shift)
        if code == "vector_shift_after":
            return saturating_rounding_doubling_high_mul(offset << left_shift, self.multiplier.multiplier) >> -shift
        both = left_shift + shift
        shifted = offset << both if both >= 0 else offset >> -both
        return saturating_rounding_doubling_high_mul(shifted, self.multiplier.multiplier)


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of a quantized ADD or SUB."""

    sign: int
    left_shift: int
    a: Operand
    b: Operand
    multiplier: Multiplier
    zero_point: int
    activation_range: tuple[int, int]
    pairs: PairTable | None = field(default=None, repr=False, compare=False)
    code: Code = "scalar"
    lanes: Lanes = NOWHERE
    vector: Params | None = None


@dataclass(frozen=True, slots=True)
class PowerOfTwoParams:
    """int16 with power-of-two scales: each operand is shifted right to the result's scale."""

    sign: int
    right_shifts: tuple[int, int]
    activation_range: tuple[int, int]
    pairs: None = field(default=None, repr=False)
    vector: None = None


@dataclass(frozen=True, slots=True)
class FloatParams:
    """Numbers without scales: only the fused activation."""

    sign: int
    activation: Bounds


def prepare(n: Node, sign: int) -> Params | PowerOfTwoParams | XnnpackParams | FloatParams:
    """The constants for n's type; ModelError where types or scales do not fit together."""
    options: AddOptions | SubOptions = n.options(SubOptions) if sign < 0 else n.options(AddOptions)
    a, b, y = n.input(0), n.input(1), n.output()
    require_one_type(n)
    plain_int16 = a.type == TensorType.INT16 and sign > 0 and not has_scale(a)
    if a.type == TensorType.FLOAT32 or a.type in _WRAPPING or plain_int16:
        return FloatParams(sign, bounds(n, options.fused_activation_function))
    activation_range = integer_activation_range(n, options.fused_activation_function)
    require_zero_point_in_type(n, a, b, y)
    if a.type == TensorType.INT16 and options.pot_scale_int16:
        exponents = [_power_of_two(n, t) for t in (a, b, y)]
        if None not in exponents:
            if sign > 0 and np.prod(a.shape) != np.prod(b.shape):
                raise n.unsupported("int16 operands with power-of-two scales do not broadcast in TFLite's ADD")
            return _power_of_two_params(n, sign, exponents, activation_range)
    left_shift = 15 if a.type == TensorType.INT16 else 20
    scaled_a, scaled_b, twice = common_scale(n, a, b)
    with np.errstate(over="ignore"):
        unit = float(np.float32(1 << left_shift) * y.scale)
    n.require(unit > 0, f"the result's scale {y.scale} must be above 0")
    if sign < 0 and twice / unit > 1:
        raise n.unsupported(
            f"the scales give a multiplier of {twice / unit}; above 1 TFLite's SUB shifts by a negative number, "
            "which C++ does not define. Use a larger scale for the result"
        )
    real = multiplier(n, twice / unit, below_one=True)
    pairs = PairTable.of(a.dtype)
    p = Params(sign, left_shift, scaled_a, scaled_b, real, y.zero_point, activation_range, pairs)
    if n.kernels.name == "xnnpack":
        return XnnpackParams.of(p.sign, p.activation_range, a, b, y)
    return p if sign < 0 or n.kernels.name == "reference" else _with_vector_code(p, a, b)


def _with_vector_code(p: Params, a: NodeTensor, b: NodeTensor) -> Params:
    """The optimized ADD: vector code where operands do not broadcast in more than five folds; int16 not at all."""
    runs = broadcast_runs(a.shape, b.shape)
    if runs is None or (a.type == TensorType.INT16 and a.shape != b.shape):
        return p
    run, single = runs
    after = a.type == TensorType.UINT8 or (a.type == TensorType.INT8 and single)
    vector = replace(p, code="vector_shift_after" if after else "vector_shift_before", pairs=PairTable.of(a.dtype))
    return replace(p, lanes=Lanes.of(run, 8 if after else 16), vector=vector)


def common_scale(n: Node, a: NodeTensor, b: NodeTensor) -> tuple[Operand, Operand, float]:
    """Both operands at the scale t = 2 * max(sa, sb), and t."""
    n.require(bool(a.scale > 0 and b.scale > 0), f"the operands' scales {a.scale} and {b.scale} must be above 0")
    twice = 2 * max(float(a.scale), float(b.scale))
    first, second = (Operand(t.zero_point, multiplier(n, float(t.scale) / twice, below_one=True)) for t in (a, b))
    return first, second, twice


def _power_of_two(n: Node, tensor: NodeTensor) -> int | None:
    """log2 of the scale if it is within 1e-3 of a whole number."""
    n.require(bool(tensor.scale > 0), f"scale {tensor.scale} of {tensor.name!r} must be above 0")
    exponent, is_power = checked_log2(tensor.scale)
    return exponent if is_power else None


def _power_of_two_params(
    n: Node, sign: int, exponents: list[int | None], activation_range: tuple[int, int]
) -> PowerOfTwoParams:
    a, b, y = (e for e in exponents if e is not None)
    shifts = (y - a, y - b)
    n.require(
        min(shifts) == 0 and max(shifts) <= 15,
        "int16 with power-of-two scales: one operand must have the result's scale, the other one at most 2^15 times "
        "smaller",
    )
    return PowerOfTwoParams(sign, shifts, activation_range)


def eval_integer(p: FloatParams, inputs: list[Array], ctx: Context) -> list[Array]:
    """float32, int32, int64, and int16 without scales."""
    a, b = inputs
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.asarray(a + b if p.sign > 0 else a - b)
    return [clamp(y, p.activation)]


def steps(p: Params | PowerOfTwoParams | XnnpackParams, a: Array, b: Array, trace: Trace) -> Array:
    if isinstance(p, PowerOfTwoParams):
        return _add_shifted(p, a, b, trace)
    if isinstance(p, XnnpackParams):
        return add_once_rounded(p, a, b, trace)
    left = trace("scale_a", p.a.scaled(a, p.left_shift, p.code))
    right = trace("scale_b", p.b.scaled(b, p.left_shift, p.code))
    total = trace("sum", left + p.sign * right)
    y = trace("requantize", p.multiplier.scale_down(total)) + p.zero_point
    if p.code != "scalar" and a.dtype.itemsize == 1:
        y = wrap_int16(y)
    y = trace("clamp", np.clip(y, *p.activation_range))
    return np.asarray(y).astype(a.dtype)


def _add_shifted(p: PowerOfTwoParams, a: Array, b: Array, trace: Trace) -> Array:
    left = trace("scale_a", rounding_divide_by_pot(a, p.right_shifts[0]))
    right = trace("scale_b", rounding_divide_by_pot(b, p.right_shifts[1]))
    y = trace("sum", left + p.sign * right)
    return np.asarray(trace("clamp", np.clip(y, *p.activation_range))).astype(a.dtype)


_eval_steps = pair_kernel_in_lanes(steps)


def eval_quantized(
    p: Params | PowerOfTwoParams | XnnpackParams | FloatParams, inputs: list[Array], ctx: Context
) -> list[Array]:
    """int8, uint8 and int16."""
    return eval_integer(p, inputs, ctx) if isinstance(p, FloatParams) else _eval_steps(p, inputs, ctx)


STEPS = {
    "scale_a": "a' = round((a - za) << L, Ma); power-of-two scales: round(a / 2^ea)",
    "scale_b": "b' = round((b - zb) << L, Mb); power-of-two scales: round(b / 2^eb)",
    "sum": "a' + b' (SUB: a' - b'; XNNPACK has the sign in b')",
    "requantize": "round(sum, M); not with power-of-two scales",
    "clamp": "clamp(requantized + zy)",
}

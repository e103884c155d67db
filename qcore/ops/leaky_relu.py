"""LEAKY_RELU: y = x where x >= 0, alpha * x elsewhere.

    integers   y = clamp(round((x - zx) * M) + zy)     M = sx / sy for x >= zx, sx * alpha / sy below, in float32

ai-edge-litert 2.3: where alpha is below 0, the product with -M is rounded and turned round afterwards.
XNNPACK, 8 bits: M is rounded to 8 fraction bits, halves of the product go up.

TFLite: kernels/activations.cc; internal/reference/leaky_relu.h
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.affine import integer_range
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops._delegate import refused_scale, refused_tensors
from qcore.ops._scaling import Multiplier, float32_ratio, multiplier, require_one_type, require_zero_point_in_type
from qcore.ops._unary import ByteTable, infer_same_shape, kernel_of, tabulate
from qcore.rules import Rules, activation
from tflite_schema import LeakyReluOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of LEAKY_RELU; the integer ones are None for float32. `turned`: below zx, y = zy - round(...)."""

    alpha: np.float32
    input_zero_point: int = 0
    identity: Multiplier | None = None
    negative: Multiplier | None = None
    output_zero_point: int = 0
    fractions: tuple[int, int] | None = None
    turned: bool = False
    table: ByteTable | None = None


def prepare(n: Node) -> Params:
    x, y = n.input(0), n.output()
    require_one_type(n)
    alpha = np.float32(n.options(LeakyReluOptions).alpha)
    if x.type == TensorType.FLOAT32:
        return Params(alpha)
    if x.type == TensorType.INT16:
        require_zero_point_in_type(n, x, y)
    identity = multiplier(n, float32_ratio(x.scale, over=y.scale))
    turned = n.kernels.version == "litert-2.3" and bool(alpha < 0)
    negative = multiplier(n, float32_ratio(x.scale, -alpha if turned else alpha, over=y.scale))
    first, second = (round(ratio * 256) for ratio in _ratios(n)) if n.kernels.name == "xnnpack" else (0, 0)
    fractions = (first, second) if n.kernels.name == "xnnpack" else None
    p = Params(alpha, x.zero_point, identity, negative, y.zero_point, fractions, turned)
    return p if x.type == TensorType.INT16 else replace(p, table=tabulate(steps, p, x.dtype))


def steps(p: Params, x: Array, trace: Trace) -> Array:
    assert p.identity is not None
    assert p.negative is not None
    value = trace("subtract_zero_point", x.astype(np.int64) - p.input_zero_point)
    if p.fractions is not None:
        scaled = (value * np.where(value >= 0, *p.fractions) + 128) >> 8
    else:
        below = p.negative.scale(value)
        scaled = np.where(value >= 0, p.identity.scale(value), -below if p.turned else below)
    y = trace("requantize", scaled) + p.output_zero_point
    return trace("clamp", np.clip(y, *integer_range(x.dtype))).astype(x.dtype)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    with np.errstate(all="ignore"):
        return [np.where(x > 0, x, x * p.alpha)]


def _ratios(n: Node) -> tuple[float, float]:
    """sx / sy, and that times alpha, each rounded to float32."""
    ratio = np.float32(float32_ratio(n.input(0).scale, over=n.output().scale))
    return float(ratio), float(ratio * np.float32(n.options(LeakyReluOptions).alpha))


def refused(n: Node) -> str | None:
    """XNNPACK takes float32, and 8 bits with sx / sy in 2^-8 to 2^7, times alpha -127.996 to 128 and 2^-8 at least."""
    alpha = abs(n.options(LeakyReluOptions).alpha)
    if not np.finfo(np.float32).tiny <= alpha <= np.finfo(np.float32).max:
        return f"its alpha is {alpha}"
    reason = refused_tensors(n, n.input(0), n.output())
    if reason is not None or n.output().type == TensorType.FLOAT32:
        return reason
    ratio, negative = _ratios(n)
    reason = refused_scale(ratio, 2.0**-8, 128, closed=True) or refused_scale(negative, -127.99609375, 128, closed=True)
    return reason or (f"the scales and alpha give {negative:g}" if abs(negative) < 2.0**-8 else None)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int8": kernel_of(steps),
        "uint8": kernel_of(steps),
        "int16": kernel_of(steps),
    },
    rules=Rules(inputs=(activation(),)),
    steps={
        "subtract_zero_point": "x - zx",
        "requantize": "round((x - zx) * M), M by the sign of x - zx",
        "clamp": "clamp(requantized + zy)",
    },
    version=by_type(int16=2),
    refused=refused,
)

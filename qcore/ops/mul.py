"""MUL: elementwise product with broadcasting.

    float32, complex64, int32, int64, uint32   y = clamp(a * b); integers wrap; so does int16 without scales
    int8, uint8, int16   y = clamp(round((a - za) * (b - zb) * M) + zy)     M = sa * sb / sy in float32

The vector code of the optimized 8-bit kernels (see _lanes.py) adds zy in int16, which wraps. The rounded product is
saturated to int16 before; uint8 with one operand a single number wraps there, too. XNNPACK rounds the float32 product
(a - za) * (b - zb) * M, halves to even.

TFLite: kernels/mul.cc; internal/reference/{mul.h,integer_ops/mul.h}
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from qcore.numerics.fixedpoint import wrap_int16
from qcore.numerics.float32 import round_half_even_int32
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._activation import Bounds, bounds, clamp, integer_activation_range
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._delegate import refused_scale, refused_tensors, require_kept_rank
from qcore.ops._lanes import NOWHERE, Lanes, broadcast_runs
from qcore.ops._pairs import PairTable, pair_kernel_in_lanes
from qcore.ops._scaling import (
    Multiplier,
    float32_ratio,
    has_scale,
    multiplier,
    require_one_type,
    require_zero_point_in_type,
)
from qcore.rules import Rules, activation
from tflite_schema import MulOptions, TensorType

_QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of a quantized MUL."""

    a_zero_point: int
    b_zero_point: int
    multiplier: Multiplier
    zero_point: int
    activation_range: tuple[int, int]
    pairs: PairTable | None = field(default=None, repr=False, compare=False)
    int16_lanes: Literal["none", "saturated", "wrapped"] = "none"
    float32_scale: np.float32 | None = None
    lanes: Lanes = NOWHERE
    vector: Params | None = None


def prepare(n: Node) -> Params | Bounds:
    fused = n.options(MulOptions).fused_activation_function
    a, b, y = n.input(0), n.input(1), n.output()
    require_one_type(n)
    plain_int16 = a.type == TensorType.INT16 and not has_scale(y)
    if a.type not in _QUANTIZED or plain_int16:
        interval = bounds(n, fused)
        n.require(
            a.type != TensorType.COMPLEX64 or interval == (None, None), "complex numbers have no fused activation"
        )
        return interval
    if a.type == TensorType.INT16:
        require_zero_point_in_type(n, a, b, y)
    real = multiplier(n, float32_ratio(a.scale, b.scale, over=y.scale))
    activation_range = integer_activation_range(n, fused)
    p = Params(a.zero_point, b.zero_point, real, y.zero_point, activation_range, PairTable.of(a.dtype))
    if n.kernels.name == "xnnpack":
        return replace(p, float32_scale=np.float32(float32_ratio(a.scale, b.scale, over=y.scale)))
    runs = None if n.kernels.name == "reference" or a.dtype.itemsize > 1 else broadcast_runs(a.shape, b.shape)
    if runs is None:
        return p
    run, single = runs
    signed = a.type == TensorType.INT8
    vector = replace(p, int16_lanes="saturated" if signed or not single else "wrapped", pairs=PairTable.of(a.dtype))
    return replace(p, lanes=Lanes.of(run, 16 if signed else 8), vector=vector)


def eval_number(p: Bounds, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    with np.errstate(all="ignore"):
        return [clamp(np.asarray(a * b), p)]


def eval_complex64(p: Bounds, inputs: list[Array], ctx: Context) -> list[Array]:
    """Every product and sum rounded to float32; NumPy's own product fuses them."""
    a, b = inputs
    y = np.empty(np.broadcast_shapes(a.shape, b.shape), np.complex64)
    with np.errstate(all="ignore"):
        y.real = a.real * b.real - a.imag * b.imag
        y.imag = a.real * b.imag + a.imag * b.real
    return [y]


def steps(p: Params, a: Array, b: Array, trace: Trace) -> Array:
    left = trace("subtract_zero_point_a", a.astype(np.int64) - p.a_zero_point)
    right = trace("subtract_zero_point_b", b.astype(np.int64) - p.b_zero_point)
    product = trace("multiply", left * right)
    if p.float32_scale is None:
        y = p.multiplier.scale(product)
    else:
        y = round_half_even_int32(product.astype(np.float32) * p.float32_scale)
    y = trace("requantize", y)
    if p.int16_lanes == "saturated":
        y = np.clip(y, -32768, 32767)
    y = y + p.zero_point if p.int16_lanes == "none" else wrap_int16(y + p.zero_point)
    y = trace("clamp", np.clip(y, *p.activation_range))
    return np.asarray(y).astype(a.dtype)


_eval_steps = pair_kernel_in_lanes(steps)


def eval_quantized(p: Params | Bounds, inputs: list[Array], ctx: Context) -> list[Array]:
    return _eval_steps(p, inputs, ctx) if isinstance(p, Params) else eval_number(p, inputs, ctx)


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.UINT32 or (x.type == TensorType.INT16 and not has_scale(x)):
        return 7
    if x.type in (TensorType.COMPLEX64, TensorType.INT64, TensorType.INT16):
        return {TensorType.COMPLEX64: 6, TensorType.INT64: 5}.get(x.type, 4)
    scales = [t.scale if has_scale(t) else np.float32(0) for t in (x, n.input(1), n.output())]
    if all(scales) and float32_ratio(scales[0], scales[1], over=scales[2]) >= 1:
        return 3
    return 2 if x.type == TensorType.INT8 else 1


def refused(n: Node) -> str | None:
    """XNNPACK takes float32, and 8-bit operands whose M lies in 2^-16 to 2^8."""
    a, b, y = n.input(0), n.input(1), n.output()
    reason = refused_tensors(n, a, b, y)
    if reason is None and y.type != TensorType.FLOAT32:
        reason = refused_scale(float32_ratio(a.scale, b.scale, over=y.scale), 2.0**-16, 256)
    if reason is None:
        require_kept_rank(n, n.options(MulOptions).fused_activation_function)
    return reason


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels={
        "float32": eval_number,
        "int32": eval_number,
        "int64": eval_number,
        "uint32": eval_number,
        "complex64": eval_complex64,
        "int8": eval_quantized,
        "uint8": eval_quantized,
        "int16": eval_quantized,
    },
    rules=Rules(inputs=(activation(),)),
    steps={
        "subtract_zero_point_a": "a - za",
        "subtract_zero_point_b": "b - zb",
        "multiply": "(a - za) * (b - zb)",
        "requantize": "round(product * M)",
        "clamp": "clamp(requantized + zy)",
    },
    version=version,
    refused=refused,
)

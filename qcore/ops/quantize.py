"""QUANTIZE: real numbers to integers, or integers to other parameters.

    float32    y = clamp(int32(round(x / sy)) + zy), per tensor or per channel; NaN and infinities become INT32_MIN
    integers   y = clamp(round((x - zx) * M) + zy)     M = sx / sy in float64

The optimized kernels have vector code, see _lanes.py: float32, per tensor, eight at a time as round(x * (1 / sy)),
halves to even, the rest as round(x / sy) in float64; 8 bits to 8 bits sixteen at a time, the second rounding taking
halves up. XNNPACK rounds float32 like vector code everywhere, but to the nearest end of the type what is beyond it,
infinities too, and NaN to the upper one; 8 bits as ((x - zx) * round(256 * M) + 128) >> 8.

TFLite: kernels/quantize.cc; internal/reference/{quantize,requantize}.h
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.affine import integer_range, quantize
from qcore.numerics.fixedpoint import clip, round_half_away, wrap_int32
from qcore.numerics.float32 import to_int32
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, NodeTensor, Op
from qcore.ops._delegate import refused_scale, refused_tensors
from qcore.ops._lanes import NOWHERE, Lanes
from qcore.ops._scaling import Multiplier, channel_parameters, float32_ratio, multiplier, require_zero_point_in_type
from qcore.ops._unary import ByteTable, infer_same_shape, kernel_of, tabulate
from qcore.rules import FLOAT_ONLY
from tflite_schema import TensorType

_BLOCK = 16384  # numbers worked on at a time
_FAR = np.float32(2**22)  # plus or minus 2^20 it is exact in float32, and outside every result type
_FLOAT_RESULTS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.UINT4)
_FOUR_BITS = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15)}
_RESULTS = {
    TensorType.FLOAT32: _FLOAT_RESULTS,
    TensorType.INT8: (TensorType.INT8, TensorType.UINT8),
    TensorType.UINT8: (TensorType.INT8, TensorType.UINT8),
    TensorType.INT16: (TensorType.INT8, TensorType.INT16, TensorType.INT32),
    TensorType.INT32: (TensorType.INT8, TensorType.INT16),
}


@dataclass(frozen=True, slots=True, eq=False)
class FloatParams:
    """float32: scales and zero points shaped to broadcast against x. `lanes`: the optimized kernel's, if that runs.

    saturates: nothing becomes INT32_MIN on the way.
    """

    scale: Array
    zero_point: Array
    dtype: np.dtype[np.int8]
    range: tuple[int, int]
    lanes: Lanes | None = None
    saturates: bool = False


@dataclass(frozen=True, slots=True)
class Params:
    """Integers: the constants of the requantization."""

    input_zero_point: int
    multiplier: Multiplier
    output_zero_point: int
    dtype: np.dtype[np.int8]
    range: tuple[int, int]
    table: ByteTable | None = None
    half_up: bool = False
    fraction: int | None = None
    lanes: Lanes = NOWHERE
    vector: ByteTable | None = None


def prepare(n: Node) -> Params | FloatParams:
    x, y = n.input(0), n.output()
    if y.type not in _RESULTS.get(x.type, ()):
        raise n.unsupported(f"quantizes {x.type.name.lower()} to {_names(x.type)} only")
    bounds = _FOUR_BITS.get(y.type) or integer_range(y.dtype)
    if x.type == TensorType.FLOAT32:
        scale, zero_point = channel_parameters(n, y, x.shape)
        if y.type in _FOUR_BITS and scale.size > 1:
            raise n.unsupported("quantizes to 4 bits per tensor only")
        optimized = n.kernels.name != "reference" and scale.size == 1 and y.type not in _FOUR_BITS
        lanes = Lanes.of(math.prod(x.shape), 1 if n.kernels.name == "xnnpack" else 8) if optimized else None
        return FloatParams(scale, zero_point, y.dtype, bounds, lanes, n.kernels.name == "xnnpack")
    if x.type == y.type == TensorType.INT16:
        require_zero_point_in_type(n, x, y)
    p = Params(x.zero_point, multiplier(n, _ratio(n, x, y)), y.zero_point, y.dtype, bounds)
    if x.dtype.itemsize > 1:
        return p
    if n.kernels.name == "xnnpack":
        p = replace(p, fraction=round(float32_ratio(x.scale, over=y.scale) * 256))
    p = replace(p, table=tabulate(steps, p, x.dtype))
    if n.kernels.name != "optimized":
        return p
    vector = tabulate(steps, replace(p, half_up=True), x.dtype)
    return replace(p, lanes=Lanes.of(math.prod(x.shape), 16), vector=vector)


def _names(type_: TensorType) -> str:
    return ", ".join(t.name.lower() for t in _RESULTS.get(type_, ())) or "nothing"


def _ratio(n: Node, x: NodeTensor, y: NodeTensor) -> float:
    n.require(bool(y.scale > 0), f"the result's scale {y.scale} must be above 0")
    return float(x.scale) / float(y.scale)


def eval_float32(p: FloatParams, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if p.lanes is not None:
        return [_in_lanes(p, p.lanes, x, ctx)]
    if p.scale.size == 1 and not ctx.trace.recording and _is_ordinary(x, p):
        return [_quantize_ordinary(x, p)]
    steps = ctx.trace("quantize", quantize(x, p.scale, p.zero_point, np.int32))
    return [np.asarray(ctx.trace("clamp", np.clip(steps, *p.range))).astype(p.dtype)]


def _in_lanes(p: FloatParams, lanes: Lanes, x: Array, ctx: Context) -> Array:
    scale = np.float32(p.scale.flat[0])
    with np.errstate(all="ignore"):
        products = np.rint(x * (np.float32(1) / scale))
        if p.saturates:
            products = np.maximum(np.fmin(products, _FAR), -_FAR)  # fmin: NaN becomes _FAR
        quotients = round_half_away(np.asarray(x.astype(np.float64) / np.float64(scale)))

    def rounded(steps: Array) -> Callable[[Trace], Array]:
        return lambda trace: trace("quantize", wrap_int32(to_int32(steps) + int(p.zero_point.flat[0])))

    y = lanes.join(rounded(products), rounded(quotients), x.shape, ctx.trace)
    return np.asarray(ctx.trace("clamp", np.clip(y, *p.range))).astype(p.dtype)


def _is_ordinary(x: Array, p: FloatParams) -> bool:
    """Whether nothing is NaN and no quotient or sum leaves int32: then the conversion to int32 changes nothing."""
    limit = float(p.scale.flat[0]) * 2.0**30
    near = abs(int(p.zero_point.flat[0])) <= 2**20
    return near and x.size > 0 and bool(x.max() < limit and x.min() > -limit)


def _quantize_ordinary(x: Array, p: FloatParams) -> Array:
    """The same on blocks in float32. Clipped to what is far outside every type, the sum with zy is exact."""
    low, high = (np.float32(bound) for bound in p.range)
    scale, zero_point = np.float32(p.scale.flat[0]), np.float32(p.zero_point.flat[0])
    flat, y = x.reshape(-1), np.empty(x.size, p.dtype)
    for i in range(0, x.size, _BLOCK):
        block = round_half_away(flat[i : i + _BLOCK] / scale)
        clip(block, -_FAR, _FAR, out=block)
        block += zero_point
        clip(block, low, high, out=block)
        y[i : i + _BLOCK] = block
    return y.reshape(x.shape)


def steps(p: Params, x: Array, trace: Trace) -> Array:
    value = trace("subtract_zero_point", wrap_int32(x.astype(np.int64) - p.input_zero_point))
    if p.fraction is not None:
        y = trace("requantize", (value * p.fraction + 128) >> 8)
    else:
        y = trace("requantize", p.multiplier.scale_half_up(value) if p.half_up else p.multiplier.scale(value))
    return np.asarray(trace("clamp", np.clip(wrap_int32(y + p.output_zero_point), *p.range))).astype(p.dtype)


_eval_steps = kernel_of(steps)


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, first, second = inputs[0], p.vector, p.table
    if first is None or second is None:
        return _eval_steps(p, inputs, ctx)
    return [
        p.lanes.join(lambda trace: first.look_up(x, trace), lambda trace: second.look_up(x, trace), x.shape, ctx.trace)
    ]


def version(n: Node) -> int:
    y = n.output()
    if y.type == TensorType.INT4:
        return 4
    if y.quant is not None and y.quant.is_per_channel:
        return 3
    return 2 if y.type == TensorType.INT16 else 1


def refused(n: Node) -> str | None:
    """XNNPACK takes float32 to 8 bits, and 8 bits to the same type with sx / sy in 2^-8 to 2^7."""
    x, y = n.input(0), n.output()
    if y.type not in (TensorType.INT8, TensorType.UINT8):
        return f"it makes {y.type.name.lower()}"
    if x.type == TensorType.FLOAT32:
        return refused_tensors(n, y)
    reason = refused_tensors(n, x, y)
    return reason or refused_scale(float32_ratio(x.scale, over=y.scale), 2.0**-8, 128, closed=True)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int8": eval_integer,
        "uint8": eval_integer,
        "int16": eval_integer,
        "int32": eval_integer,
    },
    rules=FLOAT_ONLY,
    steps={
        "quantize": "float32: round(x / sy) + zy",
        "subtract_zero_point": "integers: x - zx",
        "requantize": "integers: round((x - zx) * M)",
        "clamp": "clamp(quantized) or clamp(requantized + zy)",
    },
    version=version,
    refused=refused,
)

"""Operators that are a table of a real function: EXP, GELU, LOG, LOGISTIC, TANH, ELU, and RSQRT for int16.

    int8, uint8   256 entries   y = clamp(round(f(sx * (x - zx)) * (1 / sy)) + zy), in float32
    XNNPACK       y = clamp(round(f(sx * (x - zx)) * (1 / sy) + zy)), in float32; ai-edge-litert 2.3: halves to even
    int16         513 entries of the same, chosen by nine bits of x and interpolated by seven

TFLite: kernels/internal/common.h (LUTPopulate, LUTLookup)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.lut import Function, lookup_int16, populate_int8, populate_int16, populate_xnnpack
from qcore.op import Array, Context, Kernel, Node
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from qcore.ops._unary import ByteTable, collect
from tflite_schema import TensorType

__all__ = ["FLOATS", "STEPS", "STEPS_INT16", "Params", "eval_table", "float_kernel", "prepare"]

FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16)


@dataclass(frozen=True, slots=True, eq=False)
class Params:
    """A table operator's quantization, and its table: 256 entries for 8 bits, 513 for int16."""

    input_scale: np.float32
    input_zero_point: int
    output_scale: np.float32
    output_zero_point: int
    table: ByteTable | NDArray[np.int16]


def prepare(n: Node, function: Function, xnnpack: Function | None = None) -> Params | None:
    """The table of `function` for n's quantization; None for float types. xnnpack: the function there, if another."""
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type in FLOATS:
        return None
    n.require(bool(x.scale > 0 and y.scale > 0), f"scales {x.scale} and {y.scale} must be above 0")
    require_zero_point_in_type(n, x, y)
    quantization = x.scale, x.zero_point, y.scale, y.zero_point
    if x.type == TensorType.INT16:
        return Params(*quantization, populate_int16(function, *quantization))
    if n.kernels.name == "xnnpack":
        theirs, half_even = xnnpack or function, n.kernels.rounds_half_even
        table = collect(lambda trace: populate_xnnpack(theirs, *quantization, x.dtype, half_even, trace))
    else:
        table = collect(lambda trace: populate_int8(function, *quantization, x.dtype, trace))
    return Params(*quantization, table)


def eval_table(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """int8, uint8 and int16."""
    (x,) = inputs
    if isinstance(p.table, ByteTable):
        return [p.table.look_up(x, ctx.trace)]
    return [lookup_int16(x, p.table, ctx.trace)]


def float_kernel(function: Callable[[Array], Array]) -> Kernel:
    """The float32 kernel of the function."""

    def kernel(p: object, inputs: list[Array], ctx: Context) -> list[Array]:
        return [np.asarray(function(inputs[0]))]

    return kernel


STEPS = {
    "dequantize": "v = sx * (x - zx)",
    "function": "f(v) in float32",
    "requantize": "round(f(v) * (1 / sy)); XNNPACK: round(f(v) * (1 / sy) + zy)",
    "clamp": "clamp(requantized + zy); XNNPACK: clamp(requantized)",
}
STEPS_INT16 = {
    "base": "int16: the entry below x, number 256 + (x >> 7)",
    "slope": "int16: the next entry less this one",
    "interpolate": "int16: base + ((slope * (x & 127) + 64) >> 7)",
}

"""Lookup tables: 256 entries for 8-bit operators, 513 interpolated entries for int16, and the int16 sigmoid table.

TFLite: kernels/internal/common.h (LUTPopulate, LUTLookup), kernels/activations.cc,
kernels/internal/reference/integer_ops/{logistic,tanh}.h
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from qcore.numerics.fixedpoint import Int64Array, round_half_away, wrap_int16, wrap_int32
from qcore.numerics.float32 import checked_log2, to_int32
from qcore.numerics.sigmoid_table import SIGMOID_TABLE
from qcore.numerics.trace import NO_TRACE, Trace

Function = Callable[[NDArray[Any]], NDArray[Any]]


def populate_int8(
    function: Function,
    input_scale: float | np.float32,
    input_zero_point: int,
    output_scale: float | np.float32,
    output_zero_point: int,
    dtype: DTypeLike,
    trace: Trace = NO_TRACE,
) -> NDArray[Any]:
    """The 256 outputs of an 8-bit operator, at the index the raw byte of the input gives (0 ... 127, -128 ... -1).

    v = s_in * (x - z_in);  y = round(f(v) * (1 / s_out));  clamp(int32(y + z_out)), all in float32. Outside int32,
    int8 saturates and NaN is 0; uint8 is 0, as x86 converts.
    `function` maps a float32 array to a float32 array; `dtype` is int8 or uint8. Traced: "dequantize", "function",
    "requantize", "clamp".
    """
    x = np.arange(256, dtype=np.uint8).view(dtype).astype(np.int32)
    with np.errstate(all="ignore"):
        v = np.float32(input_scale) * (x - np.int32(input_zero_point)).astype(np.float32)
        transformed = trace("function", np.asarray(function(trace("dequantize", v)), np.float32))
        y = trace("requantize", round_half_away(transformed * (np.float32(1) / np.float32(output_scale))))
        shifted = y + np.float32(output_zero_point)
    info = np.iinfo(np.dtype(dtype))
    if info.min < 0:  # clang makes a saturating conversion of int8's cast and clamp, of uint8's it does not
        shifted = np.where(np.isnan(shifted), np.float32(0), np.clip(shifted, info.min, info.max))
    return trace("clamp", np.clip(to_int32(shifted), info.min, info.max)).astype(dtype)


def populate_xnnpack(
    function: Function,
    input_scale: np.float32,
    input_zero_point: int,
    output_scale: np.float32,
    output_zero_point: int,
    dtype: DTypeLike,
    half_even: bool,
    trace: Trace = NO_TRACE,
) -> NDArray[Any]:
    """The table of `populate_int8` as XNNPACK builds it: rounded once the zero point is added.

    v = s_in * (x - z_in);  y = round(f(v) * (1 / s_out) + z_out), NaN as 0, clamped, all in float32; halves away
    from zero or to even.
    XNNPACK: src/reference/unary-elementwise.cc
    """
    x = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float32)
    with np.errstate(all="ignore"):
        v = (x - np.float32(input_zero_point)) * np.float32(input_scale)
        transformed = trace("function", np.asarray(function(trace("dequantize", v)), np.float32))
        shifted = transformed * (np.float32(1) / np.float32(output_scale)) + np.float32(output_zero_point)
    shifted = np.where(np.isnan(shifted), np.float32(0), shifted)
    y = trace("requantize", np.rint(shifted) if half_even else round_half_away(shifted))
    info = np.iinfo(np.dtype(dtype))
    return trace("clamp", np.clip(y, info.min, info.max)).astype(dtype)


def lookup_8bit(x: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """table[x] for int8 or uint8 x of any shape and a table in raw order."""
    return np.take(table, x.view(np.uint8))


def populate_int16(
    function: Function,
    input_scale: float | np.float32,
    input_zero_point: int,
    output_scale: float | np.float32,
    output_zero_point: int,
    float_type: type[np.float32] | type[np.float64] = np.float32,
) -> NDArray[np.int16]:
    """513 samples of a function over the int16 range, each shifted by half the error at the middle of its step.

    s_i = round(f(x_i) * k);  bias = round((round((f(x_i+1) * k + s_i) / 2) - round(f(x_i + step / 2) * k)) / 2)
    entry i = clamp(s_i - bias), the last one clamp(round(f(x_512) * k));  k = 65536 / (output max - output min)
    """
    number: Any = float_type
    input_low = number(input_scale) * number(-32768 - input_zero_point)
    input_high = number(input_scale) * number(32767 - input_zero_point)
    output_low = number(output_scale) * number(-32768 - output_zero_point)
    output_high = number(output_scale) * number(32767 - output_zero_point)
    step = (input_high - input_low) / number(512)
    i = np.arange(512).astype(float_type)
    with np.errstate(all="ignore"):
        k = number(65536) / (output_high - output_low)
        value = function(input_low + i * step)
        middle = function(input_low + i * step + step / number(2))
        following = function(input_low + (i + number(1)) * step)
        sample = round_half_away(value * k)
        interpolated = round_half_away((following * k + sample) / number(2))
        bias = round_half_away((interpolated - round_half_away(middle * k)) / number(2))
        last = round_half_away(function(np.array([input_high])) * k)
        entries = np.clip(np.concatenate([sample - bias, last]), -32768, 32767)
    return to_int32(entries).astype(np.int16)  # NaN is INT32_MIN, whose low 16 bits are 0


def lookup_int16(x: NDArray[np.int16], table: NDArray[np.int16], trace: Trace = NO_TRACE) -> NDArray[np.int16]:
    """base + ((slope * offset + 64) >> 7): nine bits of x choose the entry, seven interpolate. Any shape.

    Traced: "base", "slope", "interpolate".
    """
    values = x.astype(np.int32)
    index = (values >> 7) + 256
    wide = table.astype(np.int32)
    slope = (wide[1:] - wide[:-1]).astype(np.int16).astype(np.int32)
    base, rise = trace("base", np.take(wide, index)), trace("slope", np.take(slope, index))
    return trace("interpolate", (base + ((rise * (values & 127) + 64) >> 7)).astype(np.int16))


@cache
def softmax_exp_table() -> NDArray[np.int16]:
    """exp(x) for x in [-10, 0], of int16 SOFTMAX (built in float64)."""
    return populate_int16(np.exp, 10.0 / 65535.0, 32767, 2.0 / 65535.0, 0, np.float64)


@cache
def softmax_reciprocal_table() -> NDArray[np.int16]:
    """1 / (1 + x) for x in [0, 1], of int16 SOFTMAX (built in float64)."""
    return populate_int16(lambda x: 1.0 / (1.0 + x), 1.0 / 65535.0, -32768, 2.0 / 65535.0, 0, np.float64)


def sigmoid_table_multiplier(input_scale: float | np.float32, power_of_two_shifts: tuple[int, ...]) -> tuple[int, int]:
    """(multiplier, left_shift) that bring int16 x to the sigmoid table's steps of 1 / (3 * 4096).

    When the scale is 2^e and 12 + e is among `power_of_two_shifts` (LOGISTIC: (0,); TANH: (0, 1)): (3 << (12 + e), 0).
    Otherwise scale * 4096 * 3 in float64, doubled while <= 32767 / 2 (at most 31 times), truncated.
    """
    log2, is_power = checked_log2(np.float32(input_scale))
    if is_power and 12 + log2 in power_of_two_shifts:
        return 3 << (12 + log2), 0
    multiplier = float(np.float32(input_scale)) * 4096.0 * 3.0
    left_shift = 0
    while multiplier <= 32767.0 / 2.0 and left_shift <= 30:
        left_shift += 1
        multiplier *= 2.0
    return int(to_int32(np.array(multiplier))), left_shift


def _interpolate(
    x: NDArray[np.int16], multiplier: int, left_shift: int, bits: int, ceiling: int, trace: Trace
) -> tuple[Any, Any]:
    """(scaled x, table value of |scaled x| with `bits` fractional bits). Traced: "scale", "interpolate"."""
    rounding = (1 << (left_shift - 1)) if left_shift > 0 else 0
    scaled: Int64Array = wrap_int32(x.astype(np.int64) * multiplier + rounding) >> left_shift
    magnitude = np.abs(scaled)
    table = np.array(SIGMOID_TABLE, np.int64)
    index = np.minimum(magnitude >> bits, 254)
    fraction = magnitude & ((1 << bits) - 1)
    value = (table[index] << bits) + fraction * (table[index + 1] - table[index])
    trace("scale", scaled)
    return scaled, trace("interpolate", np.where(magnitude >> bits >= 255, ceiling << bits, value))


def logistic_int16_table(
    x: NDArray[np.int16], multiplier: int, left_shift: int, trace: Trace = NO_TRACE
) -> NDArray[np.int16]:
    """Reference int16 LOGISTIC: 1 / (1 + exp(-x)) in Q0.15; constants from `sigmoid_table_multiplier`."""
    scaled, value = _interpolate(x, multiplier, left_shift, 9, 0x7FFF << 1, trace)
    signed = np.where(scaled >= 0, value + (1 << 9), (1 << 25) - value + (1 << 9) - 1)
    return wrap_int16(signed >> 10).astype(np.int16)


def tanh_int16_table(
    x: NDArray[np.int16], multiplier: int, left_shift: int, trace: Trace = NO_TRACE
) -> NDArray[np.int16]:
    """Reference int16 TANH: 2 * sigmoid(2 x) - 1 in Q0.15; constants from `sigmoid_table_multiplier`."""
    scaled, value = _interpolate(x, multiplier, left_shift, 8, 0xFFFF, trace)
    signed = np.where(scaled >= 0, value - (1 << 23) + (1 << 7), -value + (1 << 23) + (1 << 7) - 1)
    return wrap_int16(signed >> 8).astype(np.int16)

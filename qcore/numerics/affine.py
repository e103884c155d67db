"""Scale and zero point: quantize, dequantize, and the converter's formulas for choosing them.

    real = scale * (q - zero_point)

TFLite: kernels/internal/reference/{quantize,dequantize}.h, kernels/kernel_util.cc; the converter's
quantization_utils.cc (toco_legacy and quantization_lib). float32 and float64 steps are as in the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from qcore.numerics.fixedpoint import round_half_away, wrap_int32
from qcore.numerics.float32 import to_int32

Float32Array = NDArray[np.float32]

ACTIVATION_BOUNDS: Mapping[str, tuple[float | None, float | None]] = MappingProxyType(
    {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
)


class Parameters(NamedTuple):
    """Scale float32 [n] and zero point int64 [n]; n = 1 or channels."""

    scale: Float32Array
    zero_point: NDArray[np.int64]


def integer_range(dtype: DTypeLike) -> tuple[int, int]:
    """(lowest, highest) number of an integer type."""
    info = np.iinfo(np.dtype(dtype))
    return int(info.min), int(info.max)


def activation_range(
    bounds: tuple[float | None, float | None],
    scale: float | np.float32,
    zero_point: int,
    dtype: DTypeLike,
    half_even: bool = False,
) -> tuple[int, int]:
    """The integers a fused activation leaves: `bounds` in real numbers (see ACTIVATION_BOUNDS), clipped to the type.

    q(f) = zero_point + round(float32(f) / float32(scale)), halves away from zero;  None leaves that end at the type's
    own. `half_even`: as XNNPACK, q(f) = round(float32(f) / float32(scale) + float32(zero_point)), halves to even.
    TFLite: CalculateActivationRangeQuantized, kernel_util.cc. Raises ValueError where q(f) leaves int32.
    """
    low, high = integer_range(dtype)
    quantized = [_quantize_bound(f, scale, zero_point, half_even) for f in bounds]
    if quantized[0] is not None:
        low = max(low, quantized[0])
    if quantized[1] is not None:
        high = min(high, quantized[1])
    return low, high


def _quantize_bound(f: float | None, scale: float | np.float32, zero_point: int, half_even: bool) -> int | None:
    if f is None:
        return None
    with np.errstate(all="ignore"):
        real = np.float32(np.float32(f) / np.float32(scale))
        if half_even:
            return int(np.rint(np.clip(real + np.float32(zero_point), -(2.0**30), 2.0**30)))
        steps = float(round_half_away(real))
    if not -(2.0**31) <= steps <= 2.0**31:
        raise ValueError(f"activation bound {f} is not an int32 at scale {scale}")
    return zero_point + int(steps)


def quantize(x: NDArray[Any], scale: ArrayLike, zero_point: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Reference QUANTIZE:  q = clamp(int32(round(float32(x) / float32(scale))) + zero_point).

    `scale` and `zero_point` broadcast against x. NaN, infinities and quotients outside int32 become INT32_MIN before
    the zero point is added (with wrap-around), as on x86.
    """
    with np.errstate(all="ignore"):
        quotient: Float32Array = np.asarray(np.asarray(x, np.float32) / np.asarray(scale, np.float32), np.float32)
        steps = round_half_away(quotient)
    total = wrap_int32(to_int32(steps) + np.asarray(zero_point, np.int64))
    return np.clip(total, *integer_range(dtype)).astype(dtype)


def dequantize(q: NDArray[Any], scale: ArrayLike, zero_point: ArrayLike) -> Float32Array:
    """Reference DEQUANTIZE:  float32(float64(scale) * (q - zero_point)); arguments broadcast."""
    steps = np.asarray(q).astype(np.int64) - np.asarray(zero_point, np.int64)
    return (np.asarray(scale, np.float32).astype(np.float64) * steps).astype(np.float32)


def along(constant: ArrayLike, ndim: int, axis: int) -> NDArray[Any]:
    """A per-channel vector [n] shaped to broadcast along `axis` of an array with `ndim` dimensions; n = 1 as it is."""
    values = np.atleast_1d(np.asarray(constant))
    if values.size == 1:
        return values.reshape((1,) * ndim)
    shape = [1] * ndim
    shape[axis] = values.size
    return values.reshape(shape)


# --- choosing scale and zero point (the converter) ---


def asymmetric_parameters(minimum: ArrayLike, maximum: ArrayLike, dtype: DTypeLike = np.int8) -> Parameters:
    """An activation's parameters from its calibrated range (float32 statistics).

    mn = min(min, 0), mx = max(max, 0); widened by 1e-6 each way if |mx - mn| < 1e-6.
    scale = (float32(mx) - float32(mn)) / (q_max - q_min) in float32; zero_point = round(float32(q_min - mn / scale))
    clamped to the type.
    """
    low = np.minimum(np.atleast_1d(np.asarray(minimum, np.float32)).astype(np.float64), 0.0)
    high = np.maximum(np.atleast_1d(np.asarray(maximum, np.float32)).astype(np.float64), 0.0)
    narrow = np.abs(high - low) < 1e-6
    return _affine(np.where(narrow, low - 1e-6, low), np.where(narrow, high + 1e-6, high), dtype)


def exact_range_parameters(minimum: ArrayLike, maximum: ArrayLike, dtype: DTypeLike = np.int8) -> Parameters:
    """As `asymmetric_parameters`, of a range taken as it is: it need not contain 0, and it is never widened."""
    low, high = (np.atleast_1d(np.asarray(bound, np.float32)).astype(np.float64) for bound in (minimum, maximum))
    return _affine(low, high, dtype)


def constant_parameters(w: NDArray[np.float32], dtype: DTypeLike = np.int8) -> Parameters:
    """Parameters of a float constant that is no weight (an operand of ADD, MUL, ...): per tensor, the full range.

    mn = min(w, 0), mx = max(w, 0); if mx - mn <= 1e-6, at least [-5e-7, 5e-7]; then as activations.
    """
    values = np.asarray(w, np.float32).astype(np.float64)
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
    if high - low <= 1e-6:
        low, high = min(low, -5e-7), max(high, 5e-7)
    return _affine(np.array([low]), np.array([high]), dtype)


def _affine(low: NDArray[np.float64], high: NDArray[np.float64], dtype: DTypeLike) -> Parameters:
    q_min, q_max = integer_range(dtype)
    scale = (high.astype(np.float32) - low.astype(np.float32)) / np.float32(q_max - q_min)
    zero_point = round_half_away((q_min - low / scale.astype(np.float64)).astype(np.float32))
    return Parameters(scale, np.clip(zero_point, q_min, q_max).astype(np.int64))


def symmetric_weight_parameters(w: NDArray[np.float32], quantized_dimension: int | None, bits: int = 8) -> Parameters:
    """A weight's parameters, narrow range [-127, 127], per channel of `quantized_dimension` or per tensor (None).

    m = max |w|, 5e-7 if 2 m <= 1e-6;  scale = (float32(m) - float32(-m)) / (2^bits - 2) in float32;  zero_point = 0
    """
    magnitude = absolute_maximum(w, quantized_dimension).astype(np.float64)
    magnitude = np.where(2 * magnitude > 1e-6, magnitude, 5e-7)
    scale = (magnitude.astype(np.float32) - (-magnitude).astype(np.float32)) / np.float32(2**bits - 2)
    return Parameters(scale, np.zeros(scale.shape, np.int64))


def absolute_maximum(w: NDArray[np.float32], quantized_dimension: int | None) -> Float32Array:
    """Largest |w| in float32, [channels] or, for None, [1]; 0 for no elements."""
    values = np.asarray(w, np.float32)
    axes = None
    if quantized_dimension is not None:
        axes = tuple(a for a in range(values.ndim) if a != quantized_dimension % values.ndim)
    high = values.max(axis=axes, initial=0)
    low = values.min(axis=axes, initial=0)
    return np.atleast_1d(np.maximum(high, -low))


def quantize_weights(w: NDArray[np.float32], scale: ArrayLike, quantized_dimension: int | None) -> NDArray[np.int8]:
    """Symmetric weights as int8 in [-127, 127].

    per channel: inv = float32(1 / float64(scale));  per tensor: r = max |w|, inv = 127 / r in float32, whatever the
    scale, unless |r / 127 - scale| > 1e-3 (then round(w / scale) in float64): the converter quantizes with the data's
    own range even where it stores another scale.   q = clamp(round(float32(w * inv)), -127, 127)
    """
    values = np.asarray(w, np.float32)
    scales = np.atleast_1d(np.asarray(scale, np.float64))
    if quantized_dimension is None:
        radius = absolute_maximum(values, None)[0]
        if radius == 0:
            return np.zeros(values.shape, np.int8)
        if abs(float(radius / np.float32(127)) - scales[0]) > 1e-3:
            return _to_int8(round_half_away(values.astype(np.float64) / scales[0]))
        inverse: NDArray[Any] = np.asarray(np.float32(127) / radius)
    else:
        inverse = along(_inverse(scales), values.ndim, quantized_dimension)
    return _to_int8(round_half_away(values * inverse))


def quantize_int16(w: NDArray[np.float32], scale: float) -> NDArray[np.int16]:
    """A symmetric constant as int16 in [-32767, 32767]: clamp(round(float32(w * float32(1 / float64(scale)))))."""
    steps = round_half_away(np.asarray(w, np.float32) * _inverse(np.asarray(scale)))
    return np.asarray(np.clip(steps, -32767, 32767).astype(np.int16))


def quantize_int4(w: NDArray[np.float32], scale: ArrayLike, quantized_dimension: int | None) -> NDArray[np.int8]:
    """Symmetric weights as int4, one number a byte: q = clamp(rint(w / float32(scale)), -8, 7), ties to even.

    -8 is used where a weight lies beyond what its scale reaches: kernels unpack the integers to int8, where it is a
    number as any other. AI Edge Quantizer: algorithms/uniform_quantize/uniform_quantize_tensor.py
    """
    values, scales = np.asarray(w, np.float32), np.atleast_1d(np.asarray(scale, np.float32))
    divisor = scales[0] if quantized_dimension is None else along(scales, values.ndim, quantized_dimension)
    return np.clip(np.rint(values / divisor), -8, 7).astype(np.int8)


def _to_int8(steps: NDArray[Any]) -> NDArray[np.int8]:
    return np.asarray(np.clip(steps, -127, 127).astype(np.int8))


def _inverse(scale: NDArray[Any]) -> Float32Array:
    """float32(1 / float64(float32(scale))), and 0 for 0."""
    exact = scale.astype(np.float32).astype(np.float64)
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(exact == 0, 0.0, 1.0 / exact).astype(np.float32)


def quantize_constant(
    w: NDArray[np.float32], scale: ArrayLike, zero_point: ArrayLike, dtype: DTypeLike = np.int8
) -> NDArray[Any]:
    """A constant in given parameters:  clamp(round(w / scale + zero_point)) in float64; arguments broadcast."""
    steps = np.asarray(w, np.float32).astype(np.float64) / np.asarray(scale, np.float64)
    return np.clip(round_half_away(steps + np.asarray(zero_point, np.float64)), *integer_range(dtype)).astype(dtype)


def bias_scale(input_scale: ArrayLike, weight_scale: ArrayLike) -> Float32Array:
    """float32(input scale) * float32(weight scale), rounded to float32: [n]."""
    return np.atleast_1d(np.asarray(input_scale, np.float32) * np.asarray(weight_scale, np.float32))


def quantize_bias(bias: NDArray[np.float32], scale: ArrayLike, dtype: DTypeLike = np.int32) -> NDArray[Any]:
    """clamp(round(float32(bias * float32(1 / float64(scale))))): int32 to +-(2^31 - 1), int64 to +-(2^63 - 1).

    `scale` [1] or [channels], along the last axis of bias. NaN, a zero in units of almost nothing, becomes 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        product = np.asarray(bias, np.float32) * _inverse(np.atleast_1d(np.asarray(scale)))
    steps = np.nan_to_num(round_half_away(product).astype(np.float64), posinf=np.inf, neginf=-np.inf)
    limit = integer_range(dtype)[1]
    saturated = np.abs(steps) >= limit
    bounded = np.where(saturated, 0, steps).astype(dtype)
    return np.where(saturated, np.where(steps < 0, -limit, limit), bounded).astype(dtype).reshape(np.shape(bias))

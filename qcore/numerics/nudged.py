"""Scale and zero point in float64, as the converter computes them from the ranges that fake quantization holds.

Nothing is rounded to float32 before the file is written: the converter multiplies and divides the float64 scales.
TensorFlow: compiler/mlir/quantization/common/ir/FakeQuantSupport.cc, UniformSupport.h; the converter's
quantization_utils.cc (GetQuantizedType, ExtractMinMaxFromAttr).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qcore.numerics.affine import along
from qcore.numerics.fixedpoint import round_half_away

__all__ = [
    "ExactParameters",
    "constant_bounds",
    "is_fake_quantized",
    "nudged_parameters",
    "quantize_exact",
    "recovered_scale",
]

_SMALLEST_HALF_RANGE = 5e-7


class ExactParameters(NamedTuple):
    """Scale float64 [n] and zero point int64 [n]; n = 1 or channels."""

    scale: NDArray[np.float64]
    zero_point: NDArray[np.int64]


def nudged_parameters(minimum: ArrayLike, maximum: ArrayLike, bounds: tuple[int, int]) -> ExactParameters:
    """Parameters of ranges [n], such that 0 is one of the numbers; `bounds`: lowest and highest integer.

    A range of at most 1e-6 is widened to at least [-5e-7, 5e-7].   scale = (max - min) / (q_max - q_min)
    zero_point = round(q_min - min / scale), or, where |q_max| + |max / scale| <= |q_min| + |min / scale|,
    round(q_max - max / scale): from the end whose terms are smaller; clamped to the bounds.
    """
    low = np.atleast_1d(np.asarray(minimum, np.float64))
    high = np.atleast_1d(np.asarray(maximum, np.float64))
    small = ~(high - low > 2 * _SMALLEST_HALF_RANGE)
    low = np.where(small, np.minimum(low, -_SMALLEST_HALF_RANGE), low)
    high = np.where(small, np.maximum(high, _SMALLEST_HALF_RANGE), high)
    return _parameters(low, high, (high - low) / (bounds[1] - bounds[0]), bounds)


def _parameters(
    low: NDArray[np.float64], high: NDArray[np.float64], scale: NDArray[np.float64], bounds: tuple[int, int]
) -> ExactParameters:
    from_low, from_high = bounds[0] - low / scale, bounds[1] - high / scale
    lower_end = abs(bounds[0]) + np.abs(low / scale) < abs(bounds[1]) + np.abs(high / scale)
    nearest: NDArray[np.float64] = np.where(lower_end, from_low, from_high)
    return ExactParameters(scale, np.clip(round_half_away(nearest), *bounds).astype(np.int64))


def constant_bounds(
    values: NDArray[np.float32], quantized_dimension: int | None, *, symmetric: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest value with 0, [n]: per channel of `quantized_dimension` or of all; symmetric: -m and m."""
    exact = np.asarray(values, np.float32).astype(np.float64)
    axes = None
    if quantized_dimension is not None:
        axes = tuple(axis for axis in range(exact.ndim) if axis != quantized_dimension % exact.ndim)
    low = np.atleast_1d(np.minimum(exact.min(axis=axes, initial=0.0), 0.0))
    high = np.atleast_1d(np.maximum(exact.max(axis=axes, initial=0.0), 0.0))
    if symmetric:
        high = np.maximum(-low, high)
        low = -high
    return low, high


def is_fake_quantized(values: NDArray[np.float32], scale: NDArray[np.float32], steps: int) -> bool:
    """Whether all values are what symmetric fake quantization gives:  float32(k * scale), -steps / 2 <= k <= steps / 2.

    `scale` broadcasts. TensorFlow: core/kernels/fake_quant_ops_functor.h
    """
    index = round_half_away(np.asarray(values, np.float64) / scale.astype(np.float64))
    inside = bool((np.abs(index) <= steps // 2).all())
    return inside and np.array_equal(index.astype(np.float32) * scale, values)


def recovered_scale(scale: NDArray[np.float32], steps: int) -> NDArray[np.float64]:
    """The float64 scales [n] before they were rounded to the float32 that a file holds, if a float32 width says so.

    scale = w / steps, w a float32 number such that float32(w / steps) is the scale held. Where there are two such
    numbers, or none, the scale stays as it is held.
    """
    held = np.atleast_1d(np.asarray(scale, np.float32))
    nearest = (held.astype(np.float64) * steps).astype(np.float32)
    candidates = np.stack([np.nextafter(nearest, np.float32(0)), nearest, np.nextafter(nearest, np.float32(np.inf))])
    exact = candidates.astype(np.float64) / steps
    fits = exact.astype(np.float32) == held
    only = fits.sum(axis=0) == 1
    chosen = np.take_along_axis(exact, fits.argmax(axis=0)[None], axis=0)[0]
    return np.where(only, chosen, held.astype(np.float64))


def quantize_exact(
    values: NDArray[np.float32],
    scale: ArrayLike,
    zero_point: ArrayLike,
    bounds: tuple[int, int],
    quantized_dimension: int | None = None,
) -> NDArray[Any]:
    """A constant's integers, int64:  clamp(round(w / scale + zero_point)) in float64."""
    exact = np.asarray(values, np.float32).astype(np.float64)
    axis = 0 if quantized_dimension is None else quantized_dimension
    steps = exact / along(scale, exact.ndim, axis) + along(zero_point, exact.ndim, axis)
    return np.clip(round_half_away(steps), *bounds).astype(np.int64)

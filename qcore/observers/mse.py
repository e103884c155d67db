"""`mse`: the range that loses least when the values are quantized.

    minimize over l <= 0 <= h:   sum over bins of count * (mean of (x - Q(x))^2 over the bin), exact zeros left out
    Q(x) = s * clamp(round(x / s), -z, n - z),   n = 2^bits - 1,   s = (h - l) / n,   z = clamp(round(-l / s), 0, n)

Clipping and rounding are weighed against each other. With t = x / s, the integral of (t - Q)^2 up to t is, but for a
constant, k / 12 + (t - k)^3 / 3, k = clamp(round(t), -z, n - z), so the mean over a bin is exact for values spread
evenly over it. (The middle of a bin would not do: where s is a multiple of the width, all middles lie alike.) Searched:
l = a * min(low, 0) and h = b * max(high, 0), a and b powers of 2^(-1/2) down to 2^-10, then around the best pair in
steps of 2^(1/8) and of 2^(1/32). The data's own range is among them, so the error on the histogram is never larger than
with `min_max`.
The objective is that of PyTorch's HistogramObserver (ao/quantization/observer.py) and, but for the mean over a bin, of
TensorFlow's HistogramMse (calibrator/calibration_algorithm.py); the search is ours.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qcore.observers.histogram import Histogram, HistogramMethod
from qcore.observers.method import require_whole

__all__ = ["MeanSquaredError", "squared_error"]

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class MeanSquaredError(HistogramMethod):
    """bits: of the integers that the values are quantized to, 2 to 8."""

    name: ClassVar[str] = "mse"
    bits: int = 8

    def __post_init__(self) -> None:
        HistogramMethod.__post_init__(self)
        require_whole("bits", self.bits, 2, 8)

    def choose(self, histogram: Histogram) -> tuple[float, float]:
        """The best pair."""
        low, high = histogram.reach
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            return 0.0, 0.0
        coarse = np.arange(0.0, 10.1, 1 / 2)
        best = (0.0, 0.0)
        for steps in (coarse, np.arange(-3, 4) / 8, np.arange(-3, 4) / 32):
            sides = [
                np.maximum(octaves + steps, 0.0) if bound else np.zeros(1)
                for octaves, bound in zip(best, (low, high), strict=True)
            ]
            pairs = np.array([best, *itertools.product(*sides)])
            ranges = np.exp2(-pairs) * (low, high)
            errors = np.concatenate(
                [
                    squared_error(histogram, ranges[start : start + _AT_ONCE], self.bits)
                    for start in range(0, len(ranges), _AT_ONCE)
                ]
            )
            best = tuple(pairs[int(errors.argmin())])
        octaves_low, octaves_high = best
        return float(low * 2.0**-octaves_low), float(high * 2.0**-octaves_high)


def squared_error(histogram: Histogram, ranges: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """The sum of squared errors of asymmetric quantization to each range (low, high), low <= 0 <= high: [ranges]."""
    low, high = ranges[:, :1], ranges[:, 1:]
    levels = 2**bits - 1
    scale = (high - low) / levels
    zero_point = np.clip(np.rint(-low / scale), 0, levels)
    t = histogram.edges / scale
    k = np.clip(np.rint(t), -zero_point, levels - zero_point)
    integral = k / 12 + (t - k) ** 3 / 3
    counts = histogram.counts.copy()
    if histogram.zeros:
        counts[-histogram.first] -= histogram.zeros
    error = scale**3 / histogram.width * (np.diff(integral) @ counts)[:, None]
    for tail, bound in ((histogram.below, -zero_point * scale), (histogram.above, (levels - zero_point) * scale)):
        error = error + tail.error(bound)
    found: NDArray[np.float64] = error[:, 0]
    return found

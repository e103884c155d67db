"""`entropy`: the threshold after which the quantized distribution of |x| says most about the true one.

    P_T = the histogram of |x| up to T, with the count of all larger values added to its last bin that is not empty
    Q_T = the histogram up to T merged into `levels` groups, each spread evenly over its bins that are not empty
    T   = argmin of  KL(P_T || Q_T) = sum p log(p / q),   p and q normalized

T goes over all bin edges from `levels` bins on. The bin of 0 is given the count of its neighbour, since after a RELU it
holds so many values that nothing else would weigh. The range is -T..T, cut to the extremes of the data.
Levels: 128 where values have both signs, 256 where they have one and asymmetric int8 spends all its numbers on it.
NVIDIA TensorRT's pytorch-quantization, calib/histogram.py, _compute_amax_entropy, but for the larger values: there they
go to the last bin even if it is empty, Q gives them no mass, and no such T is chosen; so one value far from all others
keeps T from ever being small. Migacz 2017, 8-bit inference with TensorRT (GTC), is the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qcore.observers.histogram import Histogram, HistogramMethod
from qcore.observers.method import require_whole

__all__ = ["Entropy", "divergence"]


@dataclass(frozen=True, slots=True)
class Entropy(HistogramMethod):
    """bits: of the integers that the values are quantized to, 2 to 8."""

    name: ClassVar[str] = "entropy"
    bits: int = 8

    def __post_init__(self) -> None:
        HistogramMethod.__post_init__(self)
        require_whole("bits", self.bits, 2, 8)

    def choose(self, histogram: Histogram) -> tuple[float, float]:
        """-T and T."""
        counts = _magnitudes(histogram)
        levels = 2**self.bits if histogram.low >= 0 or histogram.high <= 0 else 2 ** (self.bits - 1)
        outliers = histogram.below.count + histogram.above.count
        best = counts.size
        smallest = np.inf
        for size in range(counts.size, min(levels, counts.size) - 1, -1):
            found = divergence(counts, size, levels, outliers)
            if found < smallest:
                best, smallest = size, found
        threshold = best * histogram.width
        return -threshold, threshold


def _magnitudes(histogram: Histogram) -> NDArray[np.int64]:
    """The histogram of |x| (bin -1 - i holds the same magnitudes as bin i), without the values around 0."""
    numbers = np.arange(histogram.counts.size) + histogram.first
    folded = np.where(numbers < 0, -1 - numbers, numbers)
    counts = np.bincount(folded, weights=histogram.counts).astype(np.int64)
    if counts.size > 1:
        counts[0] = counts[1]
    return counts


def divergence(counts: NDArray[Any], size: int, levels: int, outliers: int = 0) -> float:
    """KL(P || Q) in nats for T after the first `size` bins; infinite where they are all empty.

    outliers: values larger than all bins.
    """
    kept = counts[:size].astype(np.float64)
    if not kept.any():
        return float(np.inf)
    starts = -(-np.arange(min(levels, size)) * size // min(levels, size))  # rounded up
    filled = kept > 0
    totals, members = np.add.reduceat(kept, starts), np.add.reduceat(filled.astype(np.int64), starts)
    sizes = np.diff(np.append(starts, size))
    q = np.repeat(totals / np.maximum(members, 1), sizes)[filled]
    p = kept[filled]
    p[-1] += counts[size:].sum() + outliers
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log(p / q)))

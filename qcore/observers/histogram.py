"""A histogram that grows with the data and forgets nothing it does not have to.

    bin i counts  i * w <= x < (i + 1) * w,  w = 2^exponent,  for all i from floor(min / w) to floor(max / w)

The width is the smallest power of two for which all bins between the extremes of the data fit; when the data outgrow
them, neighbours are added together until they fit again. The bins of every width start at 0, so pairs of bins are bins
of twice the width: counts are exact, whatever the order of the values and however they were cut into samples or files.
The width is below 2 / (bins - 1) of the data's range, unless float32 itself is about as coarse: it is never below 2^-24
of the largest magnitude.

A histogram may be confined to a window. What lies outside is kept as its count, sum and sum of squares, from which the
error of clipping it follows exactly. That is what a second pass is for: where outliers made the bins of the first too
wide, the window leaves them out.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qcore.observers.method import Array, MergeableStatistic, Method, Range, Statistic, field_of, require, require_whole

__all__ = ["Histogram", "HistogramMethod", "Tail"]

_LOWEST, _DIGITS, _HIGHEST = -149, 24, 128
"""The exponents of the smallest float32 and of a number beyond the largest, and the digits of its significand."""
_BINS = (16, 1 << 16)


class Tail:
    """What lies on one side of a window: count, sum and sum of squares in float64."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, 0.0, 0.0

    def add(self, values: Array) -> None:
        """Take in values."""
        exact = values.astype(np.float64)
        self.count += values.size
        self.sum += float(exact.sum())
        self.squares += float((exact * exact).sum())

    def error(self, bound: Any) -> Any:
        """Sum of (x - bound)^2 over the values, for each bound."""
        return np.maximum(self.squares - 2 * bound * self.sum + self.count * bound * bound, 0.0)


class Histogram(MergeableStatistic):
    """Counts of finite values in bins of equal width, 2^exponent; `first` is the number of the first bin.

    low, high: the extremes of the values in the bins. zeros: how many of them are exactly 0, which every scale
    represents; after a RELU they are many. below, above: what lay outside the window, if there is one.
    """

    def __init__(self, bins: int, window: tuple[float, float] | None = None) -> None:
        self.bins = bins
        self.window = window
        self.exponent, self.first = _LOWEST, 0
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.low, self.high = math.inf, -math.inf
        self.below, self.above = Tail(), Tail()
        self.infinities = self.zeros = 0

    # Filling ----------------------------------------------------------------------------------------------------------

    def add(self, values: Array, low: Any, high: Any) -> None:
        """Count the finite values; what is infinite is left out, and its number kept."""
        if not (np.isfinite(low) and np.isfinite(high)):
            values = self._finite(values)
        if self.window is not None:
            values = self._inside(values, self.window)
        if values.size == 0:
            return
        if self.window is not None or self.infinities:
            low, high = values.min(), values.max()
        self._cover(float(low), float(high))
        self.zeros += values.size - int(np.count_nonzero(values))
        numbers = np.floor(values.reshape(-1).astype(np.float64) * 2.0**-self.exponent).astype(np.int64) - self.first
        self.counts += np.bincount(numbers, minlength=self.counts.size)

    def _finite(self, values: Array) -> Array:
        finite = values[np.isfinite(values)]
        self.infinities += values.size - finite.size
        return finite

    def _inside(self, values: Array, window: tuple[float, float]) -> Array:
        under, over = values < window[0], values > window[1]
        self.below.add(values[under])
        self.above.add(values[over])
        return values[~(under | over)]

    def _cover(self, low: float, high: float) -> None:
        """Widen the bins, and add bins, so that they reach from `low` to `high`."""
        if self.low <= low and high <= self.high:
            return
        self.low, self.high = min(self.low, low), max(self.high, high)
        exponent = _exponent(self.low, self.high, self.bins)
        counts, first = self._at(exponent)
        self.exponent, self.first = exponent, _number(self.low, exponent)
        self.counts = np.zeros(_number(self.high, exponent) - self.first + 1, np.int64)
        if counts.size:
            self.counts[first - self.first : first - self.first + counts.size] = counts

    def _at(self, exponent: int) -> tuple[NDArray[np.int64], int]:
        """The counts in bins of another, no smaller width, and the number of the first."""
        # Bin numbers have at most 25 bits, so that shifting by 62 does as well as by more.
        numbers = (np.arange(self.counts.size) + self.first) >> min(exponent - self.exponent, 62)
        if not numbers.size:
            return self.counts, 0
        first = int(numbers[0])
        return np.bincount(numbers - first, weights=self.counts).astype(np.int64), first

    # Reading ----------------------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether no finite value was counted in a bin."""
        return self.counts.size == 0

    @property
    def skipped(self) -> int:
        """How many infinities were left out."""
        return self.infinities

    @property
    def reach(self) -> tuple[float, float]:
        """How far a range can go: to the extremes of the values, or to the end of the window where some lie outside."""
        low, high = self.low, self.high
        if self.window is not None:
            low, high = (self.window[0] if self.below.count else low), (self.window[1] if self.above.count else high)
        return low, high

    @property
    def width(self) -> float:
        """The width of a bin."""
        return 2.0**self.exponent

    @property
    def edges(self) -> NDArray[np.float64]:
        """The lower ends of the bins, and the upper end of the last one: [bins in use + 1]."""
        return np.ldexp(np.arange(self.counts.size + 1) + np.float64(self.first), self.exponent)

    # Merging and files ------------------------------------------------------------------------------------------------

    def merged(self, other: Histogram) -> Histogram:
        """The histogram of both: exactly what one calibration over all the samples would have counted."""
        require(self.bins == other.bins, f"histograms of {self.bins} and {other.bins} bins cannot be merged")
        result = Histogram(self.bins)
        result.infinities = self.infinities + other.infinities
        result.zeros = self.zeros + other.zeros
        for part in (self, other):
            if not part.is_empty:
                result._cover(part.low, part.high)
        for part in (self, other):
            counts, first = part._at(result.exponent)
            result.counts[first - result.first : first - result.first + counts.size] += counts
        return result

    def to_json(self) -> dict[str, Any]:
        """Counts and where they are."""
        return {
            "bins": self.bins,
            "exponent": self.exponent,
            "first": self.first,
            "low": self.low,
            "high": self.high,
            "infinities": self.infinities,
            "zeros": self.zeros,
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Histogram:
        """What `to_json` gave: extremes, width and bins must belong together."""
        bins, low, high = (field_of(content, *field) for field in (("bins", int), ("low", float), ("high", float)))
        require_whole("bins", bins, *_BINS)
        result = cls(bins)
        result.infinities, result.zeros = (field_of(content, name, int) for name in ("infinities", "zeros"))
        limit = float(np.finfo(np.float32).max)
        require(-limit <= low <= high <= limit, f"low {low} and high {high} are no extremes of float32 values")
        result._cover(low, high)
        found = tuple(field_of(content, name, int) for name in ("exponent", "first"))
        require(found == (result.exponent, result.first), f"exponent and first are {found}, which low and high exclude")
        counts = field_of(content, "counts", list)
        require(len(counts) == result.counts.size, f"there are {len(counts)} counts, expected {result.counts.size}")
        valid = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**53 for n in counts)
        require(valid and counts[0] > 0 and counts[-1] > 0, "counts are no counts, or say that no value is an extreme")
        result.counts[:] = counts
        in_bin = -result.first if low <= 0 <= high else None
        most = 0 if in_bin is None else int(result.counts[in_bin])
        require(0 <= result.zeros <= most, f"zeros is {result.zeros}; the bin of zero has {most} values")
        return result


def _number(x: float, exponent: int) -> int:
    """The number of the bin that x falls into."""
    return math.floor(math.ldexp(x, -exponent))


def _exponent(low: float, high: float, bins: int) -> int:
    """The smallest exponent at which the bins from `low` to `high` are at most `bins`."""
    magnitude = math.frexp(max(abs(low), abs(high)))
    exponent = max(magnitude[1] - _DIGITS, _LOWEST) if magnitude[0] else _LOWEST
    while _number(high, exponent) - _number(low, exponent) >= bins:
        exponent += 1
    return exponent


@dataclass(frozen=True, slots=True)
class HistogramMethod(Method[Histogram]):
    """What the methods that read a histogram have in common.

    bins: the largest number of bins. passes: 1, or 2 to look again with bins only where the first pass found the range.
    """

    name: ClassVar[str]
    statistic: ClassVar[type[Statistic]] = Histogram
    bins: int = 2048
    passes: int = 1

    def __post_init__(self) -> None:
        require_whole("bins", self.bins, *_BINS)
        require_whole("passes", self.passes, 1, 2)

    def start(self) -> Histogram:
        """No values."""
        return Histogram(self.bins)

    def range(self, statistic: Histogram) -> Range:
        """The range chosen, never wider than the values' own."""
        low, high = self.choose(statistic)
        lowest, highest = statistic.reach
        return np.float32(max(low, lowest)), np.float32(min(high, highest))

    @abstractmethod
    def choose(self, histogram: Histogram) -> tuple[float, float]:
        """The range, before it is cut to the values' own."""

    def look_again(self, statistic: Histogram) -> Histogram | None:
        """A histogram of the values within the range found, a bin added at each end."""
        if self.passes == 1:
            return None
        low, high = self.choose(statistic)
        return Histogram(self.bins, (low - statistic.width, high + statistic.width))

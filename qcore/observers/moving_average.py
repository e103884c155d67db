"""`moving_average`: the extremes of each sample, smoothed over the samples.

    min <- a * min + (1 - a) * (min of the sample)      float32, a = `smoothing`; the first sample's as they are
    max <- a * max + (1 - a) * (max of the sample)

The numbers are those of AI Edge Quantizer, whose default this is (a = 0.95): elements at or below -3e38 do not count
for min nor those at or above 3e38 for max, unless there are no others. The order of the samples matters.
AI Edge Quantizer: utils/qsv_utils.py, moving_average_update; common_quantize.py, get_activation_min_max
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qcore.observers.method import Array, MergeableStatistic, Method, Range, Statistic, field_of, require

__all__ = ["Average", "MovingAverage"]

_LARGE = np.float32(3e38)


class Average(MergeableStatistic):
    """The smoothed extremes, those of the first sample and the number of samples: all that merging needs.

    The average of n samples, followed by k others whose first extreme is f and whose average is b, is b + a^k (m - f).
    """

    def __init__(self, smoothing: float, samples: int = 0, first: Any = (0, 0), average: Any = (0, 0)) -> None:
        self.smoothing = smoothing
        self.samples = samples
        self.first, self.average = np.array(first, np.float32), np.array(average, np.float32)
        self._sample: tuple[Any, Any] | None = None

    def add(self, values: Array, low: Any, high: Any) -> None:
        """Widen the extremes of the sample under way."""
        if low <= -_LARGE or high >= _LARGE:
            small, large = values[values > -_LARGE], values[values < _LARGE]
            low = small.min(initial=np.inf)
            high = large.max(initial=-np.inf)
            low = values.min() if low == np.inf else low
            high = values.max() if high == -np.inf else high
        if self._sample is not None:
            low, high = min(low, self._sample[0]), max(high, self._sample[1])
        self._sample = low, high

    def end_sample(self) -> None:
        """Smooth the extremes of a sample, if the tensor had any, into the average."""
        if self._sample is None:
            return
        extremes = np.array(self._sample, np.float32)
        if self.samples == 0:
            self.first = self.average = extremes
        else:
            old, new = np.float32(self.smoothing), np.float32(1.0 - self.smoothing)
            with np.errstate(invalid="ignore"):
                self.average = old * self.average + new * extremes
        self.samples += 1
        self._sample = None

    @property
    def is_empty(self) -> bool:
        """Whether no sample gave extremes."""
        return self.samples == 0

    def merged(self, other: Average) -> Average:
        """The average of these samples followed by the other's, as one calibration would give it up to rounding."""
        require(self.smoothing == other.smoothing, "averages of different smoothing cannot be merged")
        if not other.samples or not self.samples:
            return other if not self.samples else self
        weight = self.smoothing**other.samples
        average = other.average + weight * (self.average.astype(np.float64) - other.first)
        return Average(self.smoothing, self.samples + other.samples, self.first, average)

    def to_json(self) -> dict[str, Any]:
        """Smoothing, samples, and the pairs (min, max)."""
        pairs = {"first": self.first.tolist(), "average": self.average.tolist()}
        return {"smoothing": self.smoothing, "samples": self.samples, **pairs}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Average:
        """What `to_json` gave."""
        pairs = []
        for name in ("first", "average"):
            pair = field_of(content, name, list)
            require(len(pair) == 2, f"{name} has {len(pair)} values, expected min and max")
            pairs.append([field_of({name: value}, name, float) for value in pair])
        samples, smoothing = field_of(content, "samples", int), field_of(content, "smoothing", float)
        require(samples > 0, f"samples is {samples}, expected 1 or more")
        return cls(MovingAverage(smoothing).smoothing, samples, *pairs)


@dataclass(frozen=True, slots=True)
class MovingAverage(Method[Average]):
    """smoothing: the weight of what came before, from 0 (the last sample alone) to below 1."""

    name: ClassVar[str] = "moving_average"
    statistic: ClassVar[type[Statistic]] = Average
    smoothing: float = 0.95

    def __post_init__(self) -> None:
        require(0 <= self.smoothing < 1, f"smoothing is {self.smoothing}; it goes from 0 to below 1")

    def start(self) -> Average:
        """No samples."""
        return Average(self.smoothing)

    def range(self, statistic: Average) -> Range:
        """The smoothed extremes."""
        low, high = statistic.average
        return np.float32(low), np.float32(high)

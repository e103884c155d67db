"""`min_max`: the extremes of all elements of all samples, as TFLite's calibrator records them.

    min = min over all elements, from FLT_MAX down
    max = max over all elements, from FLT_MIN = 1.1754944e-38 up

The start of max is no slip of ours: TFLite starts from the smallest positive float, so an all-negative tensor records
max = 1.1754944e-38. Infinities count.
TFLite: tools/optimize/calibration/calibration_logger.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qcore.observers.method import Array, Method, Range, Statistic

__all__ = ["Extremes", "MinMax"]

_FLOAT_INFO = np.finfo(np.float32)


class Extremes(Statistic):
    """The smallest and the largest value so far."""

    def __init__(self, low: Any = _FLOAT_INFO.max, high: Any = _FLOAT_INFO.tiny) -> None:
        self.low, self.high = np.float32(low), np.float32(high)

    def add(self, values: Array, low: Any, high: Any) -> None:
        """Widen to the values' extremes."""
        self.low, self.high = min(self.low, np.float32(low)), max(self.high, np.float32(high))

    @property
    def is_empty(self) -> bool:
        """Whether no value was seen: min is still above max."""
        return bool(self.low > self.high)


@dataclass(frozen=True, slots=True)
class MinMax(Method[Extremes]):
    """The extremes of all values; no parameters."""

    name: ClassVar[str] = "min_max"
    statistic: ClassVar[type[Statistic]] = Extremes

    def start(self) -> Extremes:
        """FLT_MAX and FLT_MIN."""
        return Extremes()

    def range(self, statistic: Extremes) -> Range:
        """The extremes."""
        return statistic.low, statistic.high

"""`percentile`: leave out the same share of the values at both ends.

    low  = the largest bin edge with at most (1 - p) n of the n values below it,   p = percentile / 100
    high = the smallest bin edge with at most (1 - p) n of the values at or above it

so at least p n values lie on the inner side of each end, and each end is at most one bin outside the exact percentile.
McKinstry et al. 2018, Discovering low-precision networks; Wu et al. 2020, arXiv:2004.09602, section 5.1
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qcore.observers.histogram import Histogram, HistogramMethod
from qcore.observers.method import require

__all__ = ["Percentile"]


@dataclass(frozen=True, slots=True)
class Percentile(HistogramMethod):
    """percentile: how many of a hundred values lie on the inner side of each end, above 50; 100 leaves out none."""

    name: ClassVar[str] = "percentile"
    percentile: float = 99.99

    def __post_init__(self) -> None:
        HistogramMethod.__post_init__(self)
        require(50 < self.percentile <= 100, f"percentile is {self.percentile}; it goes from above 50 to 100")

    def choose(self, histogram: Histogram) -> tuple[float, float]:
        """The two edges."""
        tails = (histogram.below.count, histogram.above.count)
        total = int(histogram.counts.sum()) + sum(tails)
        allowed = math.floor((100 - self.percentile) * total / 100 * (1 + 1e-9))
        from_below = tails[0] + np.concatenate([[0], np.cumsum(histogram.counts)])
        at_or_above = total - from_below
        low = int(np.searchsorted(from_below, allowed, side="right")) - 1
        high = int(np.searchsorted(-at_or_above, -allowed, side="left"))
        edges = histogram.edges
        return float(edges[max(low, 0)]), float(edges[min(high, edges.size - 1)])

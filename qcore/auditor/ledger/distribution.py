"""How the values of a tensor are distributed: the real ones in bins, the integers that stand for them by level.

Both are counted while samples stream by; memory does not grow with their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.sample import Grid
from qcore.observers.histogram import Histogram

__all__ = ["Distribution"]

Array = NDArray[Any]
_BINS = 512
_LEVELS = 256


class Distribution:
    """The values of one tensor over samples.

    exact: float values, in bins of equal width. levels: how often each integer of the grid was taken, from the lowest
    on; None where there is no grid, or one of more than 256 integers.
    """

    def __init__(self, grid: Grid | None) -> None:
        self.grid = grid
        self.exact = Histogram(_BINS)
        count = 0 if grid is None else grid.highest - grid.lowest + 1
        self.levels: NDArray[np.int64] | None = np.zeros(count, np.int64) if 0 < count <= _LEVELS else None

    def add(self, exact: Array, integers: Array) -> None:
        """Take in the float values of a sample, and the integers that the quantized model had for them."""
        if exact.size:
            self.exact.add(exact, exact.min(), exact.max())
        if self.levels is not None and self.grid is not None and integers.size:
            numbers = integers.reshape(-1).astype(np.int64) - self.grid.lowest
            self.levels += np.bincount(numbers, minlength=self.levels.size)

    @property
    def used_levels(self) -> int | None:
        """How many integers were taken at least once."""
        return None if self.levels is None else int(np.count_nonzero(self.levels))

    def bars(self, most: int = 96) -> tuple[list[float], list[int], float]:
        """Centres and counts of at most `most` bins of the float values, and their width."""
        counts, width, first = self.exact.counts, 2.0**self.exact.exponent, self.exact.first
        while counts.size > most:
            numbers = (np.arange(counts.size) + first) >> 1
            first, width = int(numbers[0]), 2 * width
            counts = np.bincount(numbers - first, weights=counts).astype(np.int64)
        centres = (np.arange(counts.size) + first + 0.5) * width
        return centres.tolist(), counts.tolist(), width

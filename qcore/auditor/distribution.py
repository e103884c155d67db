"""How the values of a tensor are distributed: the real ones in bins, the integers that stand for them by level.

Both are counted while samples stream by; memory does not grow with their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Tensor
from qcore.observers.histogram import Histogram

__all__ = ["Distribution"]

Array = NDArray[Any]
_BINS = 512
_LEVELS = {"INT8": (-128, 127), "UINT8": (0, 255)}


class Distribution:
    """The values of one tensor over samples.

    exact: float values, in bins of equal width. levels: how often each integer from `lowest` on was taken; None for
    types with more than 256. tensor: the quantized one, whose scale and zero point make the grid.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.exact = Histogram(_BINS)
        self.lowest, highest = _LEVELS.get(tensor.type.name, (0, -1))
        self.levels: NDArray[np.int64] | None = np.zeros(highest - self.lowest + 1, np.int64) if highest > 0 else None

    def add(self, exact: Array, integers: Array | None = None) -> None:
        """Take in the float values of a sample, and the integers that the quantized model had for them."""
        if exact.size:
            self.exact.add(exact, exact.min(), exact.max())
        if self.levels is not None and integers is not None and integers.size:
            numbers = integers.reshape(-1).astype(np.int64) - self.lowest
            self.levels += np.bincount(numbers, minlength=self.levels.size)

    @property
    def representable(self) -> tuple[float, float] | None:
        """The smallest and the largest real number of the grid, scale * (q - zero_point); None without a grid."""
        quant = self.tensor.quant
        if quant is None or quant.scale.size != 1 or self.tensor.type.name not in ("INT8", "UINT8", "INT16"):
            return None
        info = np.iinfo(self.tensor.type.name.lower())
        scale, zero_point = float(quant.scale[0]), int(quant.zero_point[0])
        return scale * (int(info.min) - zero_point), scale * (int(info.max) - zero_point)

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

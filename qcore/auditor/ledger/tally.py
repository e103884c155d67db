"""The sums behind a line of the ledger, filled sample by sample; of fixed size whatever the number of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.causes import Split, largest
from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.ledger.entry import Cause, Effect, Entry, Seen
from qcore.auditor.ledger.sample import Grid
from qcore.ir import Model

__all__ = ["NEAR", "Tally", "power"]

Array = NDArray[Any]
NEAR = 1 / 1024
"""Steps of the result's scale: what is no further from a tie is near it."""


def power(values: Array) -> float:
    """The sum of squares."""
    flat = values.reshape(-1)
    return float(np.einsum("i,i->", flat, flat))  # np.dot starts threads for it, which costs more than it saves


class _Sum:
    def __init__(self) -> None:
        self.power = self.alone = self.largest = 0.0


class Tally:
    """What is known of one operator's results so far."""

    def __init__(self, grid: Grid | None) -> None:
        self.grid = grid
        self.signal = self.accumulated = self.inherited = self.own = self.remainder = 0.0
        self.causes: dict[str, _Sum] = {}
        self.elements = self.at_low = self.at_high = self.clipped = 0
        self.seen = (np.inf, -np.inf)
        self.channels: _Channels | None = None
        self.flips: dict[str, int] = {}
        self.near_ties = self.probed = 0
        self.effect: Effect | None = None
        self.distribution = Distribution(grid)

    def add(self, split: Split, exact: Array, q: Array) -> None:
        """Rows of one result of one run. exact: the float model's; q: as it is stored."""
        reference = exact.astype(np.float64)
        self.signal += power(reference)
        self.accumulated += power(split.actual - reference)
        self.inherited += power(split.exact - reference)
        self.own += power(split.actual - split.exact)
        self.remainder = max(self.remainder, split.remainder)
        for cause, difference in split.differences.items():
            total = self.causes.setdefault(cause, _Sum())
            of_turn = power(difference)
            total.power += of_turn
            total.alone += power(split.alone[cause]) if cause in split.alone else of_turn
            total.largest = max(total.largest, largest(difference))
        self.distribution.add(exact, q)
        if self.grid is not None and q.size:
            self._look(split, exact, q, self.grid)

    def add_flips(self, elements: int, flips: Mapping[str, int]) -> None:
        """Of one probed result of so many elements: the integers that other kernel sets make others."""
        self.probed += elements
        if self.grid is not None:
            for kernels, count in flips.items():
                self.flips[kernels] = self.flips.get(kernels, 0) + count

    def add_ties(self, split: Split) -> None:
        """Rows of a probed result: how near to ties its numbers lie."""
        if self.grid is None or split.unclipped is None:
            return
        steps = split.unclipped / self.grid.scale
        low, high = self.grid.lowest - self.grid.zero_point, self.grid.highest - self.grid.zero_point
        near = np.abs(steps - np.floor(steps) - 0.5) < NEAR
        self.near_ties += int(np.count_nonzero(near & (steps > low) & (steps < high)))

    def _look(self, split: Split, exact: Array, q: Array, grid: Grid) -> None:
        self.elements += q.size
        self.at_low += int(np.count_nonzero(q == grid.lowest))
        self.at_high += int(np.count_nonzero(q == grid.highest))
        if split.unclipped is not None:
            half = grid.scale / 2
            beyond = (split.unclipped > grid.high + half) | (split.unclipped < grid.low - half)
            self.clipped += int(np.count_nonzero(beyond))
        self.seen = (min(self.seen[0], float(exact.min())), max(self.seen[1], float(exact.max())))
        if self.channels is None:
            self.channels = _Channels(q.shape[-1])
        self.channels.add(q, exact)

    def entry(self, model: Model, operator: int | None, name: str, tensor: int) -> Entry:
        """The line of the ledger."""
        held, grid = model.main.tensors[tensor], self.grid
        dead, constant = ((), ()) if self.channels is None or grid is None else self.channels.still(grid.scale)
        seen = None
        if grid is not None and self.elements:
            seen = Seen(
                (grid.low, grid.high),
                self.seen,
                self.elements,
                self.at_low,
                self.at_high,
                self.clipped,
                0 if self.channels is None else self.channels.count,
                dead,
                constant,
            )
        return Entry(
            operator,
            name,
            tensor,
            held.name,
            held.type.name.lower(),
            None if grid is None else grid.scale,
            None if grid is None else grid.zero_point,
            self.signal,
            self.accumulated,
            self.inherited,
            self.own,
            {cause: Cause(s.power, s.alone, s.largest) for cause, s in self.causes.items()},
            self.remainder,
            seen,
            self.effect,
            dict(self.flips),
            self.near_ties,
            self.probed,
            self.distribution,
        )


class _Channels:
    """Lowest and highest value of each channel, of the last axis, in integers and in float."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.q = np.full(count, np.inf), np.full(count, -np.inf)
        self.exact = np.full(count, np.inf), np.full(count, -np.inf)

    def add(self, q: Array, exact: Array) -> None:
        for (low, high), values in ((self.q, q), (self.exact, exact)):
            rows = values.reshape(-1, self.count)
            np.minimum(low, rows.min(axis=0), out=low)
            np.maximum(high, rows.max(axis=0), out=high)

    def still(self, scale: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Channels of one integer: those that the float model moves by more than half a step, and the others."""
        same = self.q[0] == self.q[1]
        moves = self.exact[1] - self.exact[0] > scale / 2
        dead, constant = np.flatnonzero(same & moves), np.flatnonzero(same & ~moves)
        return tuple(int(i) for i in dead), tuple(int(i) for i in constant)

"""Distributions: counts are exact however the values are cut into samples, and the grid is the tensor's own."""

from __future__ import annotations

import numpy as np

from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.ledger.sample import Grid
from qcore.ir import QuantParams, Tensor
from tflite_schema import TensorType


def grid(kind: TensorType = TensorType.INT8) -> Grid:
    return Grid(Tensor("y", (4,), kind, 0, QuantParams.of(0.5, 3)))


def test_counts_are_exact_in_whatever_pieces_the_values_come() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    integers = np.clip(np.rint(values / 0.5) + 3, -128, 127).astype(np.int8)
    whole, pieces = Distribution(grid()), Distribution(grid())
    whole.add(values, integers)
    for start in range(0, 1000, 130):
        pieces.add(values[start : start + 130], integers[start : start + 130])
    assert whole.bars() == pieces.bars()
    centres, counts, width = whole.bars(most=20)
    assert len(counts) <= 20
    assert sum(counts) == 1000
    for centre, count in zip(centres, counts, strict=True):
        low, high = centre - width / 2, centre + width / 2
        assert count == np.count_nonzero((values >= low) & (values < high))
    assert whole.levels is not None
    assert whole.levels[3 + 128] == np.count_nonzero(integers == 3)
    assert whole.used_levels == np.unique(integers).size


def test_types_with_many_levels_are_not_counted_by_level() -> None:
    wide = Distribution(grid(TensorType.INT16))
    wide.add(np.zeros(3, np.float32), np.zeros(3, np.int16))
    assert wide.levels is None
    assert wide.used_levels is None


def test_nothing_seen_has_no_bars() -> None:
    assert Distribution(grid()).bars()[0] == []
    assert Distribution(None).levels is None

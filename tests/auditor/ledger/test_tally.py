from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.ledger.causes import Split
from qcore.auditor.ledger.sample import Grid
from qcore.auditor.ledger.tally import Tally, power
from qcore.ir import Model, QuantParams, Subgraph, Tensor
from tflite_schema import TensorType

TENSOR = Tensor("y", (1, 4), TensorType.INT8, 0, QuantParams.of(0.5, 0))
MODEL = Model([Subgraph("main", [TENSOR], [], (), (0,))])


def split(exact: list[float], q: list[int]) -> Split:
    start, actual = np.array([exact]), np.array([q]) * 0.5
    return Split(start, actual, {"activation_rounding": actual - start}, {}, start)


def test_power_is_the_sum_of_squares() -> None:
    assert power(np.array([[3.0, 4.0]])) == 25.0
    assert power(np.zeros((0, 3))) == 0.0


def test_sums_over_samples() -> None:
    tally = Tally(Grid.of(TENSOR))
    for exact, q in (([1.0, 2.0, 0.1, -70.0], [2, 4, 0, -128]), ([1.0, 2.25, 0.0, 63.7], [2, 5, 0, 127])):
        tally.add(split(exact, q), np.array([exact], np.float32), np.array([q], np.int8))
    entry = tally.entry(MODEL, 3, "RELU", 0)
    assert (entry.operator, entry.name, entry.tensor_name, entry.type, entry.scale) == (3, "RELU", "y", "int8", 0.5)
    assert entry.own == entry.causes["activation_rounding"].power == pytest.approx(36 + 0.01 + 0.0625 + 0.04)
    assert entry.causes["activation_rounding"].largest == 6.0
    assert entry.inherited == pytest.approx(0, abs=1e-9)
    seen = entry.seen
    assert seen is not None
    assert (seen.elements, seen.at_low, seen.at_high, seen.clipped) == (8, 1, 1, 1)
    assert seen.calibrated == (-64.0, 63.5)
    assert seen.seen == pytest.approx((-70.0, 63.7))


def test_dead_channels_move_in_float_and_constant_ones_do_not() -> None:
    tally = Tally(Grid.of(TENSOR))
    for exact, q in (([1.0, 2.0, 0.1, 0.0], [2, 4, 0, 0]), ([1.0, 2.0, 0.2, 1.0], [2, 5, 0, 0])):
        tally.add(split(exact, q), np.array([exact], np.float32), np.array([q], np.int8))
    seen = tally.entry(MODEL, 0, "RELU", 0).seen
    assert seen is not None
    assert (seen.channels, seen.dead, seen.constant) == (4, (3,), (0, 2))


def test_float_results_have_no_range() -> None:
    tally = Tally(None)
    tally.add(split([1.0], [2]), np.array([[1.0]], np.float32), np.array([[1.0]], np.float32))
    entry = tally.entry(MODEL, 0, "RELU", 0)
    assert (entry.seen, entry.scale) == (None, None)

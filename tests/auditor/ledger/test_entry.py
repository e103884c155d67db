from __future__ import annotations

import math

import pytest

from qcore.auditor.ledger.entry import Cause, Entry, Seen


def test_decibels_and_the_sum_of_parts() -> None:
    causes = {"weight_rounding": Cause(0.1, 0.1, 0.3), "activation_rounding": Cause(0.02, 0.02, 0.1)}
    entry = Entry(0, "CONV_2D", 1, "y", "int8", 0.1, 0, 100.0, 1.0, 0.8, 0.13, causes, 0.0)
    assert entry.sqnr == pytest.approx(20.0)
    assert entry.own_sqnr == pytest.approx(10 * math.log10(100 / 0.13))
    assert entry.cause_sqnr("weight_rounding") == pytest.approx(30.0)
    assert entry.parts == pytest.approx(0.12)
    assert entry.cross == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("seen", "used", "exceeded"),
    [((0.0, 8.0), 0.8, 0.0), ((-2.0, 12.0), 1.0, 0.2), ((20.0, 30.0), 0.0, 2.0), ((0.0, 10.0), 1.0, 0.0)],
)
def test_ranges_seen_against_ranges_calibrated(seen: tuple[float, float], used: float, exceeded: float) -> None:
    found = Seen((0.0, 10.0), seen, 1, 0, 0, 0)
    assert found.used == pytest.approx(used)
    assert found.exceeded == pytest.approx(exceeded)

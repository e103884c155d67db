from __future__ import annotations

from fractions import Fraction

import pytest

from qcore.auditor.explanation import Rounding


@pytest.mark.parametrize(
    ("exact", "tie"),
    [(Fraction(13, 2), True), (Fraction(-7, 2), True), (Fraction(6), False), (Fraction(64, 10), False)],
)
def test_a_tie_is_half_way_between_two_integers(exact: Fraction, tie: bool) -> None:
    assert Rounding("double_rounding", "", 0.5, 1, 0, exact, exact).is_tie == tie

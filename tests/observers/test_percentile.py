"""Against the order statistics of the values themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.observers.percentile import Percentile
from tests.observers.data import KINDS, draws, filled


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("percentile", [51.0, 90.0, 99.0, 99.99, 100.0])
def test_each_end_is_at_most_one_bin_outside_the_exact_percentile(kind: str, percentile: float) -> None:
    values = np.sort(draws(kind, 20_000)).astype(np.float64)
    histogram = filled(values)
    low, high = Percentile(percentile=percentile).range(histogram)
    left_out = round((100 - percentile) / 100 * values.size)
    exact_low, exact_high = values[left_out], values[values.size - 1 - left_out]
    assert exact_low - histogram.width <= low <= exact_low
    assert exact_high <= high <= exact_high + histogram.width
    assert (values < low).sum() <= left_out
    assert (values > high).sum() <= left_out


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50), st.floats(50, 100, exclude_min=True, width=32)
)
def test_the_share_holds_for_any_values(values: list[float], percentile: float) -> None:
    array = np.array(values, np.float32)
    low, high = Percentile(percentile=percentile, bins=16).range(filled(array, 16))
    allowed = math.floor((100 - percentile) * len(values) / 100 * (1 + 1e-9))
    assert array.min() <= low <= high <= array.max()
    assert (array < low).sum() <= allowed
    assert (array > high).sum() <= allowed


def test_hundred_is_min_and_max() -> None:
    values = draws("outliers")
    assert Percentile(percentile=100).range(filled(values)) == (values.min(), values.max())


def test_a_second_look_where_outliers_made_the_bins_wide() -> None:
    """An outlier a million times as large: all else falls into two bins, until the second pass leaves it out."""
    values = draws("normal", 50_000)
    values[7] = 1e6
    method = Percentile(percentile=99.9, passes=2)
    first = filled(values)
    assert method.range(first)[1] > 400
    low, high = values.min(), values.max()
    for _ in range(3):
        second = method.look_again(first)
        assert second is not None
        second.add(values, low, high)
        first = second
    exact = np.sort(values)[[50, -51]]
    np.testing.assert_allclose(method.range(first), exact, atol=0.01)
    assert Percentile().look_again(first) is None

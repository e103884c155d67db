"""Against the published pseudocode, written out value by value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.observers.entropy import Entropy, divergence
from tests.observers.data import KINDS, draws, filled


def pseudocode(bins: list[int], i: int, levels: int) -> float:
    """KL of the first i bins, after Migacz 2017, slide "Pseudocode: KL_divergence threshold"."""
    reference = [float(count) for count in bins[:i]]
    outliers = sum(bins[i:])
    groups: list[list[int]] = [[] for _ in range(min(levels, i))]
    for j in range(i):
        groups[j * len(groups) // i].append(j)
    candidate = [0.0] * i
    for group in groups:
        filled_bins = [j for j in group if bins[j]]
        for j in filled_bins:
            candidate[j] = sum(bins[k] for k in group) / len(filled_bins)
    filled_bins = [j for j in range(i) if bins[j]]
    if not filled_bins:
        return math.inf
    reference[filled_bins[-1]] += outliers
    total, theirs = sum(reference), sum(candidate)
    result = 0.0
    for p, q in zip(reference, candidate, strict=True):
        if p:
            result += p / total * math.log(p / total / (q / theirs))
    return result


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(2, 16), st.data())
def test_equals_the_pseudocode(bins: list[int], levels: int, data: st.DataObject) -> None:
    bins[0] += 1
    size = data.draw(st.integers(1, len(bins)))
    ours = divergence(np.array(bins), size, levels)
    assert ours == pytest.approx(pseudocode(bins, size, levels), abs=1e-12)


@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "outliers"])
def test_the_threshold_is_the_best_of_all(kind: str) -> None:
    values = draws(kind)
    histogram = filled(values, 256)
    levels = 16 if kind == "relu" else 8
    magnitudes = np.floor(np.abs(values.astype(np.float64)) / histogram.width).astype(int)
    bins = np.bincount(magnitudes).tolist()
    bins[0] = bins[1]
    found = [pseudocode(bins, i, levels) for i in range(levels, len(bins) + 1)]
    low, high = Entropy(bits=4, bins=256).choose(histogram)
    assert high == -low
    assert divergence(np.array(bins), round(high / histogram.width), levels) == pytest.approx(min(found), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_stays_within_the_values(kind: str) -> None:
    values = draws(kind)
    low, high = Entropy().range(filled(values))
    assert values.min() <= low < high <= values.max()


def test_outliers_are_clipped() -> None:
    values = draws("outliers")
    low, high = Entropy().range(filled(values))
    assert -6 < low < -2.5
    assert 2.5 < high < 6


def test_the_zeros_after_a_relu_do_not_decide() -> None:
    values = draws("relu")
    more = np.concatenate([values, np.zeros(100_000, np.float32)])
    assert Entropy().range(filled(more)) == Entropy().range(filled(values))


def test_few_bins_leave_nothing_to_choose() -> None:
    values = draws("normal")
    assert Entropy(bins=64).range(filled(values, 64)) == (values.min(), values.max())


def test_one_value_far_from_all_others_is_given_up() -> None:
    values = draws("normal")
    values[5] = 500
    assert Entropy().range(filled(values))[1] < 70  # 128 of the 2048 bins


def test_empty_bins() -> None:
    assert divergence(np.array([4, 0]), 2, 2) == 0
    assert divergence(np.array([4, 0]), 2, 2, outliers=1) == 0
    assert divergence(np.array([0, 0, 1]), 2, 2) == math.inf

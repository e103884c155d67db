"""A histogram is a function of the values alone: exact, of bounded size, whatever their order and their cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.errors import CalibrationError
from qcore.observers.histogram import Histogram
from qcore.observers.percentile import Percentile
from tests.observers.data import KINDS, draws, filled

INF = np.inf
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
CHUNKS = st.lists(st.lists(FLOATS, min_size=1, max_size=8), min_size=1, max_size=6)


def counted(chunks: Any, bins: int) -> Histogram:
    histogram = Histogram(bins)
    for chunk in chunks:
        values = np.asarray(chunk, np.float32)
        histogram.add(values, values.min(), values.max())
    return histogram


def brute(values: Any, histogram: Histogram) -> list[int]:
    """The counts, value by value, in exact arithmetic: a float32 over a power of two is a float64."""
    counts = [0] * histogram.counts.size
    for x in np.asarray(values, np.float32).reshape(-1).tolist():
        counts[int(x // histogram.width) - histogram.first] += 1
    return counts


@given(CHUNKS, st.sampled_from([16, 17, 2048]), st.randoms())
def test_it_depends_on_the_values_alone(chunks: list[list[float]], bins: int, random: Any) -> None:
    """Streamed, at once, in another order, merged from two, saved and read: one histogram, of at most `bins` counts."""
    values = [x for chunk in chunks for x in chunk]
    whole = filled(values, bins)
    assert 1 <= whole.counts.size <= bins
    assert whole.counts.tolist() == brute(values, whole)
    assert [whole.low, whole.high] == [np.float32(min(values)), np.float32(max(values))]
    assert whole.zeros == sum(x == 0 for x in values)
    others = [counted(chunks, bins), Histogram.from_json(whole.to_json())]
    random.shuffle(values)
    others.append(filled(values, bins))
    others.append(counted(chunks[:1], bins).merged(counted(chunks[1:], bins)))
    for other in others:
        assert other.to_json() == whole.to_json()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bins", [64, 2048])
def test_the_width_is_as_stated(kind: str, bins: int) -> None:
    values = draws(kind)
    histogram = filled(values, bins)
    spread = float(values.max()) - float(values.min())
    finest = 2.0**-23 * float(np.abs(values).max())
    assert histogram.width < max(2 * spread / (bins - 1), finest, 2.0**-148)
    assert histogram.counts.sum() == values.size
    edges = histogram.edges
    assert edges[0] <= values.min() <= edges[1]
    assert edges[-2] <= values.max() <= edges[-1]


def test_memory_is_bounded_however_the_data_grow() -> None:
    histogram = Histogram(256)
    rng = np.random.default_rng(0)
    for exponent in range(-140, 128, 2):
        values = np.ldexp(rng.uniform(-1, 1, 50), exponent).astype(np.float32)
        histogram.add(values, values.min(), values.max())
        assert histogram.counts.size <= 256
    assert histogram.counts.sum() == 50 * 134


@pytest.mark.parametrize("value", [0.0, -0.0, 3.7, -3.7, 1e-45, -3.4e38])
def test_constants_have_one_bin(value: float) -> None:
    histogram = counted([[value] * 3, [value]], 16)
    assert histogram.counts.tolist() == [4]
    assert Percentile().range(histogram) == (np.float32(value), np.float32(value))


def test_infinities_are_left_out_and_counted() -> None:
    histogram = counted([[1, INF], [-INF, 2, -INF], [INF], [3]], 16)
    assert (histogram.skipped, histogram.low, histogram.high, histogram.counts.sum()) == (4, 1, 3, 3)
    nothing = counted([[INF, -INF]], 16)
    assert nothing.is_empty
    assert histogram.merged(nothing).to_json() == histogram.to_json() | {"infinities": 6}
    assert nothing.merged(histogram).to_json() == histogram.to_json() | {"infinities": 6}


def test_a_window_keeps_what_lies_outside_as_moments() -> None:
    values = np.array([-9, -1, 0.5, 1, 4, 5, 6], np.float32)
    histogram = filled(values, 16, (-1.0, 4.0))
    assert (histogram.low, histogram.high, histogram.counts.sum()) == (-1, 4, 4)
    assert (histogram.below.count, histogram.above.count) == (1, 2)
    assert histogram.above.error(4.0) == 1 + 4
    assert histogram.below.error(-2.0) == 49
    histogram.add(np.array([7], np.float32), 7, 7)
    assert (histogram.above.count, histogram.counts.sum()) == (3, 4)


def test_histograms_of_other_bins_do_not_merge() -> None:
    with pytest.raises(CalibrationError, match="histograms of 16 and 32 bins cannot be merged"):
        filled([1], 16).merged(filled([1], 32))


@pytest.mark.parametrize(
    "change",
    [
        {"bins": 8},
        {"bins": 16.0},
        {"exponent": 3},
        {"first": 1},
        {"low": 2},
        {"high": 1e39},
        {"high": "inf"},
        {"counts": [1, 2]},
        {"counts": [1, *[0] * 12, -1]},
        {"counts": [0] * 14},
        {"counts": [1.5] * 14},
        {"counts": [True] * 14},
        {"counts": [2**63] * 14},
        {"counts": None},
        {"infinities": None},
        {"zeros": 1},
        {"zeros": -1},
    ],
)
def test_damaged_histograms_are_refused(change: dict[str, Any]) -> None:
    content = filled([0.1, 1.7], 16).to_json()
    assert len(content["counts"]) == 14
    assert Histogram.from_json(content).to_json() == content
    with pytest.raises(CalibrationError):
        Histogram.from_json(content | change)

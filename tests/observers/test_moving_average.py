"""Against AI Edge Quantizer's numbers, which were measured with its release 0.10.0, and its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.errors import CalibrationError
from qcore.observers.moving_average import Average, MovingAverage

FLOATS = st.floats(-1e3, 1e3, width=32)


def averaged(samples: Any, smoothing: float = 0.95) -> Average:
    statistic = MovingAverage(smoothing).start()
    for sample in samples:
        values = np.asarray(sample, np.float32)
        statistic.add(values, values.min(), values.max())
        statistic.end_sample()
    return statistic


def theirs(samples: list[NDArray[np.float32]], smoothing: float = 0.95) -> tuple[np.float32, np.float32]:
    """moving_average_update over the extremes of float32 arrays: the scalars are Python floats, so all is float32."""
    low, high = samples[0].min(keepdims=True), samples[0].max(keepdims=True)
    for sample in samples[1:]:
        low = smoothing * low + (1.0 - smoothing) * sample.min(keepdims=True)
        high = smoothing * high + (1.0 - smoothing) * sample.max(keepdims=True)
    return low[0], high[0]


@given(st.lists(st.lists(FLOATS, min_size=1, max_size=5), min_size=1, max_size=20), st.sampled_from([0.0, 0.5, 0.95]))
def test_equals_the_formula_bit_for_bit(samples: list[list[float]], smoothing: float) -> None:
    arrays = [np.array(sample, np.float32) for sample in samples]
    assert MovingAverage(smoothing).range(averaged(arrays, smoothing)) == theirs(arrays, smoothing)


def test_several_looks_at_a_tensor_in_one_sample_are_one_sample() -> None:
    statistic = MovingAverage().start()
    for low, high in ((-1, 1), (-3, 0.5)):
        statistic.add(np.array([low, high], np.float32), np.float32(low), np.float32(high))
    statistic.end_sample()
    statistic.end_sample()
    assert statistic.samples == 1
    assert MovingAverage().range(statistic) == (np.float32(-3), np.float32(1))


INF = np.inf


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-INF, 1, 2], (1, 2)),
        ([1, 2, INF], (1, 2)),
        ([-INF, INF, 5], (5, 5)),
        ([-3.2e38, -1, 3.2e38], (-1, -1)),
        ([-INF, -INF], (-INF, -INF)),
        ([INF, INF], (INF, INF)),
        ([-INF, INF], (-INF, INF)),
        ([3.1e38, 3.2e38], (3.1e38, 3.2e38)),
    ],
)
def test_values_beyond_bfloat16_count_only_if_there_are_no_others(values: list[float], expected: Any) -> None:
    """Each row is what get_activation_min_max of release 0.10.0 answers with its valid range of -3e38..3e38."""
    assert MovingAverage().range(averaged([values])) == tuple(np.float32(bound) for bound in expected)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=2, max_size=20), st.data())
def test_two_calibrations_merged_are_one(samples: list[tuple[float, float]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(samples)))
    merged = averaged(samples[:cut]).merged(averaged(samples[cut:]))
    whole = averaged(samples)
    assert merged.samples == whole.samples
    np.testing.assert_array_equal(merged.first, whole.first)
    np.testing.assert_allclose(merged.average, whole.average, rtol=0, atol=1e-6 * float(np.abs(samples).max()) + 1e-12)


def test_saved_and_read() -> None:
    statistic = averaged([[0.1, 0.3], [-5, 7]])
    again = Average.from_json(statistic.to_json())
    assert again.to_json() == statistic.to_json()
    assert MovingAverage().range(again) == MovingAverage().range(statistic)
    with pytest.raises(CalibrationError, match="of different smoothing"):
        statistic.merged(averaged([[1, 2]], 0.5))
    for change in ({"samples": 0}, {"first": [1]}, {"average": [1, "x"]}, {"smoothing": 2}, {"samples": None}):
        with pytest.raises(CalibrationError):
            Average.from_json(statistic.to_json() | change)

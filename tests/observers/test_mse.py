"""Against the error of quantizing the values themselves, and against every range of a fine grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.numerics.affine import asymmetric_parameters, dequantize, quantize
from qcore.observers.mse import MeanSquaredError, squared_error
from tests.observers.data import KINDS, draws, filled


def true_error(values: Any, low: float, high: float) -> float:
    """The sum of squared errors that the quantizer's own parameters make."""
    scale, zero_point = asymmetric_parameters(low, high)
    back = dequantize(quantize(values, scale, zero_point, np.int8), scale, zero_point)
    return float(((back.astype(np.float64) - values) ** 2).sum())


@pytest.mark.parametrize("kind", ["normal", "relu", "shifted", "laplace", "uniform", "outliers"])
def test_the_error_read_from_a_histogram_is_that_of_the_values(kind: str) -> None:
    values = draws(kind)
    low, high = min(float(values.min()), 0), max(float(values.max()), 0)
    for share in (1.0, 0.5, 0.25):
        found = squared_error(filled(values), np.array([[share * low, share * high]]), 8)[0]
        assert found == pytest.approx(true_error(values, share * low, share * high), rel=0.03)


@pytest.mark.parametrize("kind", KINDS[:7])
@pytest.mark.parametrize("bits", [4, 8])
def test_no_range_of_a_fine_grid_is_much_better(kind: str, bits: int) -> None:
    values = draws(kind)
    histogram = filled(values)
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    shares = np.linspace(1 / 40, 1, 40)
    grid = np.array([(a * low, b * high) for a in (shares if low else [0.0]) for b in (shares if high else [0.0])])
    best = min(float(squared_error(histogram, part, bits).min()) for part in np.array_split(grid, 20))
    found = squared_error(histogram, np.array([MeanSquaredError(bits=bits).choose(histogram)]), bits)[0]
    assert found <= 1.02 * best
    assert found <= squared_error(histogram, np.array([[low, high]]), bits)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_stays_within_the_values(kind: str) -> None:
    values = draws(kind)
    low, high = MeanSquaredError().range(filled(values))
    assert values.min() <= low < high <= values.max()
    assert np.isfinite([low, high]).all()


def test_outliers_are_clipped_and_uniform_values_are_not() -> None:
    values = draws("uniform")
    low, high = MeanSquaredError().range(filled(values))
    np.testing.assert_allclose([low, high], [values.min(), values.max()], rtol=0.05)
    values = draws("outliers", 1_000_000)
    low, high = MeanSquaredError().range(filled(values))
    assert high < 0.7 * values.max()
    assert true_error(values, float(low), float(high)) < 0.5 * true_error(values, values.min(), values.max())


def test_constants() -> None:
    for value in (0.0, 2.5, -2.5):
        assert MeanSquaredError().range(filled([value])) == (np.float32(value), np.float32(value))


def test_a_second_look_does_not_force_the_hand() -> None:
    """Outliers that the first pass clipped in part lie outside the window; the range may still go to its end."""
    values = draws("normal", 100_000)
    values[:3] = (60, 61, 100)
    method = MeanSquaredError(passes=2)
    first = filled(values)
    second = method.look_again(first)
    assert second is not None
    second.add(values, values.min(), values.max())
    assert second.above.count == 1
    assert second.high < 62 < second.reach[1]
    np.testing.assert_allclose(method.range(second), method.range(first), rtol=0.05)


def test_what_lies_outside_a_window_counts() -> None:
    """The second pass weighs the clipping of values it has no bins for: exactly as if it had."""
    values = draws("outliers")
    whole, part = filled(values, 1 << 16), filled(values, 1 << 16, (-3.0, 3.0))
    ranges = np.array([[-3.0, 3.0], [-2.0, 2.5]])
    np.testing.assert_allclose(squared_error(part, ranges, 8), squared_error(whole, ranges, 8), rtol=1e-3)

"""float64 scales: worked by hand, and found again from their float32 roundings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.numerics.nudged import (
    constant_bounds,
    is_fake_quantized,
    nudged_parameters,
    quantize_exact,
    recovered_scale,
)

UINT8 = (0, 255)
widths = st.floats(2.0**-20, 2.0**20, width=32)


def test_parameters_by_hand() -> None:
    scale, zero_point = nudged_parameters([-1.0, 0.0, -2.0], [1.0, 6.0, 0.0], UINT8)
    assert scale.tolist() == [2 / 255, 6 / 255, 2 / 255]
    assert zero_point.tolist() == [128, 0, 255]


def test_the_zero_point_comes_from_the_end_with_smaller_terms() -> None:
    """255 - 1.5 / s = 127.5, which rounds up; 0 + 1.5 / s in floating point is the smaller sum."""
    assert nudged_parameters(-1.5, 1.5, UINT8).zero_point.tolist() == [128]
    assert nudged_parameters(-1.0, 3.0, (-128, 127)).zero_point.tolist() == [-64]


def test_ranges_of_next_to_nothing_are_widened() -> None:
    scale, zero_point = nudged_parameters([0.0, 1e-7], [0.0, 9e-7], UINT8)
    assert scale.tolist() == [1e-6 / 255, (9e-7 + 5e-7) / 255]
    assert zero_point.tolist() == [127, 91]  # 5e-7 / scale is just below 127.5


def test_a_range_without_zero_keeps_the_zero_point_in_the_type() -> None:
    assert nudged_parameters([2.0, -4.0], [4.0, -2.0], UINT8).zero_point.tolist() == [0, 255]


def test_bounds_of_constants() -> None:
    w = np.array([[1.0, -2.0], [3.0, -0.5]], np.float32)
    assert [bound.tolist() for bound in constant_bounds(w, 0, symmetric=True)] == [[-2.0, -3.0], [2.0, 3.0]]
    assert [bound.tolist() for bound in constant_bounds(w, -1, symmetric=False)] == [[0.0, -2.0], [3.0, 0.0]]
    assert [bound.tolist() for bound in constant_bounds(w, None, symmetric=False)] == [[-2.0], [3.0]]


def test_halves_go_away_from_zero_and_ends_are_kept() -> None:
    w = np.array([0.25, -0.25, 0.75, 100.0, -100.0], np.float32)
    assert quantize_exact(w, 0.5, 0, (-127, 127)).tolist() == [1, -1, 2, 127, -127]
    assert quantize_exact(w, 0.5, 3, (0, 15)).tolist() == [4, 3, 5, 15, 0]
    per_channel = quantize_exact(np.ones((2, 3), np.float32), [1.0, 0.5, 0.25], [0, 0, 1], (-8, 7), 1)
    assert per_channel.tolist() == [[1, 2, 5], [1, 2, 5]]


@pytest.mark.parametrize("steps", [14, 15, 254, 255])
@given(width=widths)
def test_a_rounded_scale_shows_its_width(steps: int, width: float) -> None:
    """The width is found, or several would give this scale, and then it stays rounded."""
    exact = float(np.float32(width)) / steps
    held = np.float32(exact)
    (found,) = recovered_scale(np.array([held]), steps)
    assert np.float32(found) == held
    near = np.float32(width)
    neighbours = [np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))]
    ambiguous = any(np.float32(float(other) / steps) == held for other in neighbours)
    assert found == (float(held) if ambiguous else exact)


def test_a_scale_of_no_float32_width_stays() -> None:
    rng = np.random.default_rng(0)
    held = rng.uniform(0.001, 0.1, 1000).astype(np.float32)
    found = recovered_scale(held, 254)
    assert np.array_equal(found.astype(np.float32), held)
    assert (found == held.astype(np.float64)).any()


def test_numbers_of_fake_quantization() -> None:
    scale = np.array([[0.1], [0.3]], np.float32)
    steps = np.arange(-127, 128, dtype=np.float32)
    assert is_fake_quantized(steps * scale, scale, 254)
    assert not is_fake_quantized(np.nextafter(steps * scale, np.float32(9)), scale, 254)
    assert not is_fake_quantized(np.float32(128) * scale, scale, 254)
    assert not is_fake_quantized(np.float32(8) * scale, scale, 14)

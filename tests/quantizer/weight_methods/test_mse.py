"""Against every candidate, tried one by one on one channel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.quantizer.weight_methods.mse import least_error_magnitude, squared_error


def brute(channel: list[float], bits: int, narrow: bool) -> tuple[float, list[float]]:
    """The best magnitude and all errors, in exact steps of Python floats."""
    largest = max(map(abs, channel))
    highest = 2 ** (bits - 1) - 1
    lowest = -highest if narrow else -highest - 1
    errors = []
    for k in range(100, 9, -1):
        scale = largest * k / 100 / highest
        errors.append(sum((x - scale * min(max(round(x / scale), lowest), highest)) ** 2 for x in channel))
    return largest * (100 - int(np.argmin(errors))) / 100, errors


@given(
    st.lists(st.floats(-8, 8, width=16).filter(lambda x: abs(x) > 0.01), min_size=1, max_size=12),
    st.sampled_from([2, 4, 8]),
    st.booleans(),
)
def test_equals_trying_all(channel: list[float], bits: int, narrow: bool) -> None:
    w = np.array([channel], np.float32)
    best, errors = brute(channel, bits, narrow)
    found = least_error_magnitude(w, 0, bits, narrow)
    error = squared_error(w, found, bits, narrow)[0]
    assert error <= min(errors) + 1e-5 * max(errors) + 1e-12
    assert 0.09 * max(map(abs, channel)) < found[0] <= max(map(abs, channel))
    assert found[0] == pytest.approx(best, rel=1e-5) or error == pytest.approx(min(errors), rel=1e-3, abs=1e-10)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_channels_are_searched_on_their_own(bits: int) -> None:
    w = np.random.default_rng(0).standard_t(3, (5, 3, 40)).astype(np.float32)
    found = least_error_magnitude(w, 1, bits)
    for channel in range(3):
        assert found[channel] == least_error_magnitude(w[:, channel], None, bits)[0]


def test_zeros_and_the_only_value() -> None:
    assert least_error_magnitude(np.zeros((2, 3), np.float32), 0).tolist() == [0, 0]
    assert least_error_magnitude(np.array([[-0.3]], np.float32), 0, 4).tolist() == [np.float32(0.3)]

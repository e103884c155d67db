"""Against AI Edge Quantizer's numbers, and against the fixed point that the paper's equation has."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.quantizer.weight_methods import weight_scale
from qcore.quantizer.weight_methods.octav import octav_magnitude


def weights(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_t(3, size=(4, 50)) * 0.05).astype(np.float32)


THEIRS = {
    (0, 8, 0): [0.2083658128976822, 0.22806525230407715, 0.2678307294845581, 0.32930874824523926],
    (0, 4, None): [0.26454290747642517],
    (0, 4, 0): [0.1959177851676941, 0.21444034576416016, 0.25183019042015076, 0.3096354305744171],
    (1, 8, 0): [0.5705928802490234, 0.1813284009695053, 0.5629458427429199, 0.21249103546142578],
    (1, 4, None): [0.5021768808364868],
    (1, 4, 0): [0.5365049242973328, 0.17049561440944672, 0.5293147563934326, 0.2015984207391739],
    (2, 8, 0): [0.2916609048843384, 0.6529649496078491, 0.2325124889612198, 0.20794332027435303],
    (2, 4, None): [0.5187198519706726],
    (2, 4, 0): [0.2742367088794708, 0.6139560341835022, 0.22508454322814941, 0.1955205202102661],
}
"""(seed, bits, channel axis) -> what _guess_clipping_with_octav of release 0.10.0 answers, ten rounds, divisor 3."""


@pytest.mark.parametrize(("seed", "bits", "axis"), THEIRS)
def test_equals_ai_edge_quantizer(seed: int, bits: int, axis: int | None) -> None:
    """Within the rounding of a float32 sum; then at most the largest magnitude, and over q_max."""
    w = weights(seed)
    found = octav_magnitude(w, axis, bits)
    largest = np.abs(w).max(axis=None if axis is None else 1)
    expected = np.minimum(np.array(THEIRS[seed, bits, axis], np.float32), largest)
    np.testing.assert_allclose(found, expected, rtol=2e-7)
    scale = weight_scale(w, axis, "octav", bits=bits)
    np.testing.assert_array_equal(scale, found / np.float32(2 ** (bits - 1) - 1))


def test_it_is_a_fixed_point_of_the_equation() -> None:
    w = np.random.default_rng(3).normal(size=(1, 100_000)).astype(np.float32)
    clip = float(octav_magnitude(w, 0, 4)[0])
    beyond = np.abs(w)[np.abs(w) >= clip]
    rounded = 4.0**-4 / 3 * (w.size - beyond.size)
    assert clip == pytest.approx(beyond.sum(dtype=np.float64) / (rounded + beyond.size), rel=1e-3)
    assert 2.3 < clip < 2.8  # for a normal distribution and 4 bits the optimum is 2.5


def test_no_larger_than_the_largest_and_zero_for_zeros() -> None:
    assert octav_magnitude(np.zeros((2, 3), np.float32), 0).tolist() == [0, 0]
    uniform = np.linspace(-1, 1, 101, dtype=np.float32)
    assert octav_magnitude(uniform, None, 8)[0] <= 1

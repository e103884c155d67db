from __future__ import annotations

import numpy as np

from qcore.quantizer.weights.weight_type import integers, weight_type


def test_scales_are_float64_and_data_use_them() -> None:
    """0.05 is 63.49999999999999 steps of the float64 scale, and 63.500001 of the one in the file."""
    numbers = np.array([[0.1, -0.1, 0.05], [3.0, 1.5, -3.0]], np.float32)
    type_ = weight_type(numbers, 0)
    assert type_.scale == (2 * float(np.float32(0.1)) / 254, 6.0 / 254)
    assert type_.zero_point == (0, 0)
    assert integers(numbers, type_).tolist() == [[127, -127, 63], [127, 64, -127]]
    assert np.float64(numbers[0, 2]) / np.float64(type_.quant.scale[0]) > 63.5


def test_per_tensor_and_the_smallest_range() -> None:
    numbers = np.array([[1e-9, -4e-7], [0.0, 0.0]], np.float32)
    type_ = weight_type(numbers, None)
    assert type_.scale == (1e-6 / 254,)
    assert integers(numbers, type_).tolist() == [[0, -102], [0, 0]]
    assert weight_type(np.zeros((2, 3), np.float32), 1).scale == (1e-6 / 254,) * 3


def test_halves_go_away_from_zero() -> None:
    numbers = np.array([127, 0.5, -0.5, 1.5, -2.5], np.float32)
    assert integers(numbers, weight_type(numbers, None)).tolist() == [127, 1, -1, 2, -3]

"""`mse`: the magnitude whose scale makes the smallest squared error.

    m = argmin over m = k / 100 * max |w|, k = 100, 99, ..., 10, of  sum (w - s * clamp(round(w / s), q_min, q_max))^2
    s = m / q_max,   q_max = 2^(bits - 1) - 1,   q_min = -q_max in narrow range, else -q_max - 1

The largest of equal ones is taken. k = 100 clips nothing, so the error is never larger than with `min_max`.
Sung et al. 2015, arXiv:1511.06488 (search for the scale of least squared error). AI Edge Quantizer's method of the same
name makes no search: its scale is a constant times the root mean square.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import absolute_maximum
from qcore.quantizer.weight_methods.channels import rows

__all__ = ["least_error_magnitude", "squared_error"]

_HUNDREDTHS = range(100, 9, -1)


def least_error_magnitude(
    w: NDArray[Any], quantized_dimension: int | None, bits: int = 8, narrow_range: bool = True
) -> NDArray[np.float32]:
    """The best of 91 magnitudes, float32 [channels] or [1]."""
    values, largest = rows(w, quantized_dimension), absolute_maximum(w, quantized_dimension)
    best, smallest = largest, squared_error(values, largest, bits, narrow_range)
    for k in _HUNDREDTHS[1:]:
        magnitude = largest * np.float32(k / 100)
        error = squared_error(values, magnitude, bits, narrow_range)
        better = error < smallest
        best, smallest = np.where(better, magnitude, best), np.where(better, error, smallest)
    return best


def squared_error(
    values: NDArray[np.float32], magnitude: NDArray[np.float32], bits: int, narrow_range: bool
) -> NDArray[np.float64]:
    """The sum of squared errors of each row of values [n, count], quantized with the scale of its magnitude: [n]."""
    highest = 2 ** (bits - 1) - 1
    scale = (magnitude / np.float32(highest))[:, None]
    steps = np.divide(values, scale, out=np.zeros_like(values), where=scale > 0)
    steps = np.clip(np.rint(steps, out=steps), -highest if narrow_range else -highest - 1, highest, out=steps)
    steps *= scale
    steps -= values
    return np.einsum("ij,ij->i", steps, steps, dtype=np.float64)

"""`octav`: the clip of least expected error, by fixed-point iteration.

    m <- sum of |w| over |w| >= m  /  ((4^-bits / 3) * (number of |w| < m) + (number of |w| >= m))

It balances the noise of rounding, which is spread evenly over a step, against what clipping cuts off. As in AI Edge
Quantizer the iteration starts at m = 1, ends after 10 rounds or when no channel moves by more than 1e-5 of itself, and
the result is at most max |w|; it is not always converged then. Sums are taken in float64, theirs in float32.
Sakr et al. 2022, arXiv:2206.06501, equation (6); AI Edge Quantizer: algorithms/uniform_quantize/octav.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import absolute_maximum
from qcore.quantizer.weight_methods.channels import rows

__all__ = ["octav_magnitude"]

_ROUNDS = 10


def octav_magnitude(
    w: NDArray[Any], quantized_dimension: int | None, bits: int = 8, narrow_range: bool = True
) -> NDArray[np.float32]:
    """The clip, float32 [channels] or [1]; the narrow range does not enter the equation."""
    magnitudes = np.abs(rows(w, quantized_dimension))
    noise = np.float32(4.0**-bits / 3)
    clip = np.ones(len(magnitudes), np.float32)
    for _ in range(_ROUNDS):
        clipped = magnitudes >= clip[:, None]
        beyond = np.count_nonzero(clipped, axis=1)
        total = np.sum(magnitudes, axis=1, where=clipped, dtype=np.float64)
        weight = noise * np.float64(magnitudes.shape[1] - beyond) + beyond
        before, clip = clip, np.divide(total, weight, out=np.zeros_like(total), where=weight > 0).astype(np.float32)
        if np.allclose(before, clip):
            break
    return np.minimum(clip, absolute_maximum(w, quantized_dimension))

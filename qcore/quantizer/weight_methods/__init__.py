"""How large a weight may be before it is clipped: one file per method.

min_max   as large as the largest (the default): nothing is clipped
mse       the clip after which quantization loses least, by search
octav     the same, by fixed-point iteration

A method is a function (weights, channel axis or None, bits, narrow range) -> magnitudes, float32 [channels] or [1].
Every symmetric scheme computes its scale from the largest magnitude of a channel, so a scheme takes part by quantizing
`clip_weights(...)` in place of the weights: its own formulas stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import along
from qcore.quantizer.weight_methods.min_max import largest_magnitude
from qcore.quantizer.weight_methods.mse import least_error_magnitude
from qcore.quantizer.weight_methods.octav import octav_magnitude

__all__ = ["WEIGHT_METHODS", "WeightMethod", "clip_weights", "weight_scale"]

Array = NDArray[Any]
WeightMethod = Callable[[Array, int | None, int, bool], NDArray[np.float32]]

WEIGHT_METHODS: Mapping[str, WeightMethod] = {
    "min_max": largest_magnitude,
    "mse": least_error_magnitude,
    "octav": octav_magnitude,
}
"""The methods by name."""


def clip_weights(
    w: Array, quantized_dimension: int | None, method: str, *, bits: int = 8, narrow_range: bool = True
) -> Array:
    """Float32 weights clipped to the magnitude that a method finds, which then is the largest of its channel.

    Per channel of `quantized_dimension`, or per tensor (None).
    """
    magnitude = WEIGHT_METHODS[method](w, quantized_dimension, bits, narrow_range)
    bound = along(magnitude, w.ndim, quantized_dimension or 0)
    return np.clip(w, -bound, bound)


def weight_scale(
    w: Array, quantized_dimension: int | None, method: str, *, bits: int = 8, narrow_range: bool = True
) -> NDArray[np.float32]:
    """scale = magnitude / (2^(bits - 1) - 1) in float32: [channels] or [1]; 0 for weights that are all 0."""
    return WEIGHT_METHODS[method](w, quantized_dimension, bits, narrow_range) / np.float32(2 ** (bits - 1) - 1)

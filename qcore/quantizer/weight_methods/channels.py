"""Weights as one row per channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["rows"]


def rows(w: NDArray[Any], quantized_dimension: int | None) -> NDArray[np.float32]:
    """The weights of each channel of `quantized_dimension` in a row, or all in one (None): float32 [n, count]."""
    values = np.asarray(w, np.float32)
    if quantized_dimension is None:
        return values.reshape(1, -1)
    return np.moveaxis(values, quantized_dimension, 0).reshape(values.shape[quantized_dimension], -1)

"""`min_max`: the largest magnitude, m = max |w|. Nothing is clipped.

TensorFlow: converter/quantization/common/quantization_lib, GetUniformQuantizedTypeForWeight
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import absolute_maximum

__all__ = ["largest_magnitude"]


def largest_magnitude(
    w: NDArray[Any], quantized_dimension: int | None, bits: int = 8, narrow_range: bool = True
) -> NDArray[np.float32]:
    """max |w|, float32 [channels] or [1], whatever the integers."""
    return absolute_maximum(w, quantized_dimension)

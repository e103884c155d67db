"""int8 weights as the converter makes them without calibration: scales in float64, rounded to float32 only in the file.

Source: TensorFlow's quantization_utils.cc with legacy_float_scale off; MLIR's UniformSupport.h
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import along
from qcore.numerics.fixedpoint import round_half_away
from qcore.quantizer.quantized_type import QuantizedType
from qcore.quantizer.weight_methods import WEIGHT_METHODS

__all__ = ["integers", "weight_type"]

_SMALLEST = 5e-7


def weight_type(numbers: NDArray[Any], quantized_dimension: int | None, method: str = "min_max") -> QuantizedType:
    """Symmetric int8, per channel of `quantized_dimension` or per tensor (None).

    scale = 2 m / 254 in float64;  zero_point = 0;  m = max |w| or what the weight method clips at, at least 5e-7
    """
    magnitude = WEIGHT_METHODS[method](numbers, quantized_dimension, 8, True).astype(np.float64)
    magnitude = np.maximum(magnitude, _SMALLEST)
    scale = tuple(((magnitude + magnitude) / 254).tolist())
    return QuantizedType(scale, (0,) * len(scale), quantized_dimension, narrow_range=True)


def integers(numbers: NDArray[Any], type_: QuantizedType) -> NDArray[np.int8]:
    """q = clamp(round(w / scale), -127, 127) with the float64 scale, not the one the file holds."""
    scale = np.array(type_.scale)
    divisor = scale[0] if type_.quantized_dimension is None else along(scale, numbers.ndim, type_.quantized_dimension)
    return np.clip(round_half_away(numbers.astype(np.float64) / divisor), -127, 127).astype(np.int8)

"""An integer type with its scale and zero point, how each kind of tensor gets one, and the integers of a constant.

Scales are kept in float64 until a file is written: the converter compares and multiplies them so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import QuantParams
from qcore.numerics import affine
from tflite_schema import TensorType

__all__ = [
    "ROUNDED_SCALES",
    "Formulas",
    "QuantizedType",
    "activation_type",
    "bias_type",
    "constant_type",
    "exact_bias_type",
    "weight_type",
]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class QuantizedType:
    """What a tensor becomes: n scales and zero points along `quantized_dimension`, or one of each where it is None.

    narrow_range: the lowest integer is not used (weights).
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    quantized_dimension: int | None = None
    type: TensorType = TensorType.INT8
    narrow_range: bool = False

    @staticmethod
    def of(quant: QuantParams, type_: TensorType) -> QuantizedType:
        """The type of a tensor that a file holds quantized."""
        dimension = quant.quantized_dimension if quant.is_per_channel else None
        scale, zero_point = (tuple(values.tolist()) for values in (quant.scale, quant.zero_point))
        return QuantizedType(scale, zero_point, dimension, type_)

    @property
    def quant(self) -> QuantParams:
        """The parameters as a file holds them: float32 scales."""
        return QuantParams.of(self.scale, self.zero_point, self.quantized_dimension or 0)

    def quantize(self, values: Array) -> Array:
        """The integers of a float32 constant."""
        if self.type == TensorType.INT32:
            return affine.quantize_bias(values, np.array(self.scale))
        if self.narrow_range:
            return affine.quantize_weights(values, np.array(self.scale), self.quantized_dimension)
        return affine.quantize_constant(values, self.scale[0], self.zero_point[0])


def _from(parameters: affine.Parameters, dimension: int | None = None, *, narrow_range: bool) -> QuantizedType:
    scale = tuple(float(s) for s in parameters.scale)
    zero_point = tuple(int(z) for z in parameters.zero_point)
    return QuantizedType(scale, zero_point, dimension, narrow_range=narrow_range)


def activation_type(minimum: Any, maximum: Any) -> QuantizedType:
    """int8 from a calibrated range, asymmetric."""
    return _from(affine.asymmetric_parameters(minimum, maximum), narrow_range=False)


def weight_type(values: Array, quantized_dimension: int | None) -> QuantizedType:
    """int8 from a weight's values, symmetric, per channel of `quantized_dimension` or per tensor."""
    parameters = affine.symmetric_weight_parameters(values, quantized_dimension)
    return _from(parameters, quantized_dimension, narrow_range=True)


def constant_type(values: Array) -> QuantizedType:
    """int8 from the values of a constant that is no weight, asymmetric."""
    return _from(affine.constant_parameters(values), narrow_range=False)


def bias_type(operands: tuple[QuantizedType, QuantizedType], rank: int) -> QuantizedType:
    """int32 whose scale is the product of the operands' scales, rounded to float32; channels along the last axis."""
    exact = exact_bias_type(operands, rank)
    return replace(exact, scale=tuple(float(s) for s in np.array(exact.scale).astype(np.float32)))


def exact_bias_type(operands: tuple[QuantizedType, QuantizedType], rank: int) -> QuantizedType:
    """int32 whose scale is the product of the operands' scales in float64; channels along the last axis."""
    scale = tuple(float(s) for s in np.array(operands[0].scale) * np.array(operands[1].scale))
    channels = len(scale) > 1
    return QuantizedType(
        scale, (0,) * len(scale), (rank - 1 if rank > 1 else 0) if channels else None, TensorType.INT32
    )


@dataclass(frozen=True, slots=True)
class Formulas:
    """How parameters and integers are computed where no range is given.

    type: of activations and weights. weight(values, channel axis), constant(values): from their own values.
    bias(types of input and weight, rank). quantize(type, values): the integers of a float32 constant.
    """

    type: TensorType
    weight: Callable[[Array, int | None], QuantizedType]
    constant: Callable[[Array], QuantizedType]
    bias: Callable[[tuple[QuantizedType, QuantizedType], int], QuantizedType]
    quantize: Callable[[QuantizedType, Array], Array]


ROUNDED_SCALES = Formulas(TensorType.INT8, weight_type, constant_type, bias_type, QuantizedType.quantize)
"""Those of quantization after training: each scale is rounded to float32 before anything is computed with it."""

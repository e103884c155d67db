"""An integer type with its scale and zero point, how each kind of tensor gets one, and the integers of a constant.

Scales are kept in float64 until a file is written: the converter compares and multiplies them so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import QuantParams
from qcore.numerics import affine
from qcore.quantizer.weight_methods import weight_scale
from tflite_schema import TensorType

__all__ = [
    "ROUNDED_SCALES",
    "Formulas",
    "QuantizedType",
    "activation_type",
    "bias_type",
    "constant_type",
    "exact_bias_type",
    "four_bit_type",
    "gate_type",
    "hidden_type",
    "state_type",
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
        if self.type == TensorType.INT16:
            return affine.quantize_int16(values, self.scale[0])
        if self.type == TensorType.INT4:
            return affine.quantize_int4(values, np.array(self.scale), self.quantized_dimension)
        if self.narrow_range:
            return affine.quantize_weights(values, np.array(self.scale), self.quantized_dimension)
        return affine.quantize_constant(values, self.scale[0], self.zero_point[0])


def _from(parameters: affine.Parameters, dimension: int | None = None, *, narrow_range: bool) -> QuantizedType:
    scale = tuple(float(s) for s in parameters.scale)
    zero_point = tuple(int(z) for z in parameters.zero_point)
    return QuantizedType(scale, zero_point, dimension, narrow_range=narrow_range)


def activation_type(minimum: Any, maximum: Any, *, widened: bool = True) -> QuantizedType:
    """int8 from a calibrated range, asymmetric; widened: a range of next to nothing becomes 2e-6 wide."""
    if not widened:
        return _from(affine.exact_range_parameters(min(minimum, 0.0), max(maximum, 0.0)), narrow_range=False)
    return _from(affine.asymmetric_parameters(minimum, maximum), narrow_range=False)


def weight_type(values: Array, quantized_dimension: int | None, bits: int = 8) -> QuantizedType:
    """int8 from a weight's values, symmetric, per channel of `quantized_dimension` or per tensor.

    bits: 16 for int16; 10 for int16 of which only -512 ... 512 is used, scale = max |w| / 512 in float64.
    Of time weights that are all 0 TensorFlow makes an SVDF with an int8 state, which the kernel takes for int16, beyond
    its end; here their scale is that of weights up to 5e-7.
    """
    if bits == 10:
        return _int16((float(affine.absolute_maximum(values, None)[0]) or 5e-7) / 512)
    parameters = affine.symmetric_weight_parameters(values, quantized_dimension, bits)
    if bits == 16:
        return _int16(float(parameters.scale[0]))
    return _from(parameters, quantized_dimension, narrow_range=True)


def four_bit_type(values: Array, quantized_dimension: int | None, method: str = "min_max") -> QuantizedType:
    """int4 from a weight's values, symmetric, per channel of `quantized_dimension` or per tensor.

    scale = max(m, 1e-9) / 7 in float32, m = max |w| or what the weight method clips at
    AI Edge Quantizer: algorithms/uniform_quantize/uniform_quantize_tensor.py; the converter makes no int4 weights.
    """
    smallest = np.float32(1e-9) / np.float32(7)
    scale = np.maximum(weight_scale(values, quantized_dimension, method, bits=4, narrow_range=False), smallest)
    return QuantizedType(tuple(float(s) for s in scale), (0,) * scale.size, quantized_dimension, TensorType.INT4)


def _int16(scale: float) -> QuantizedType:
    return QuantizedType((scale,), (0,), None, TensorType.INT16, narrow_range=True)


def state_type(minimum: Any, maximum: Any, *, power_of_two: bool) -> QuantizedType:
    """int16 of a recurrent operator's state, symmetric; m = max(|minimum|, |maximum|).

    scale = (m - -m) / 65534 in float32;  power_of_two: 2^ceil(log2(m)) / 32768
    """
    largest = np.float32(max(abs(minimum), abs(maximum)))
    if not power_of_two:
        return _int16(float((largest - -largest) / np.float32(65534)))
    with np.errstate(divide="ignore"):
        return _int16(float(np.exp2(np.ceil(np.log2(np.float64(largest)))) / 32768))


def gate_type(minimum: Any, maximum: Any) -> QuantizedType:
    """int16 of a gate before it is normalized: scale = 2 m / 65534 in float64, m = max(|minimum|, |maximum|).

    Where 2 m is less than 2^-52, the scale is 1 and the zero point -32767.
    """
    width = 2 * float(max(abs(minimum), abs(maximum)))
    if width < 2.0**-52:
        return replace(_int16(1.0), zero_point=(-32767,))
    return _int16(width / 65534)


def hidden_type(minimum: Any, maximum: Any) -> QuantizedType:
    """int8 of an LSTM's hidden state, asymmetric, of the range as it is, though it may leave out 0."""
    return _from(affine.exact_range_parameters(minimum, maximum), narrow_range=False)


def constant_type(values: Array) -> QuantizedType:
    """int8 from the values of a constant that is no weight, asymmetric."""
    return _from(affine.constant_parameters(values), narrow_range=False)


def bias_type(operands: Sequence[QuantizedType], rank: int, factor: float = 1.0) -> QuantizedType:
    """int32 whose scale is the product of the operands' scales, rounded to float32; channels along the last axis.

    factor: what the rounded scale is multiplied with, in float64.
    """
    exact = exact_bias_type(operands, rank)
    return replace(exact, scale=tuple(float(s) * factor for s in np.array(exact.scale).astype(np.float32)))


def exact_bias_type(operands: Sequence[QuantizedType], rank: int) -> QuantizedType:
    """int32 whose scale is the product of the operands' scales in float64; channels along the last axis."""
    product = functools.reduce(np.multiply, (np.array(operand.scale) for operand in operands))
    scale = tuple(float(s) for s in np.atleast_1d(product))
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

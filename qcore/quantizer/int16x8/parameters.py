"""Scale and integers of each kind of tensor: all symmetric, zero points are 0, every step in float32.

    activation   int16   min, max widened to hold 0;  scale = max(|min|, |max|) / 32767
    constant     int16   scale = max |x| / 32767;     q = round(x * float32(1 / scale))
    weight       int8    scale = max |w| / 127;       q = round(w * (127 / max |w|)); per channel or per tensor
    weight       int4    as AI Edge Quantizer has it: scale = max(max |w|, 1e-9) / 7;  q = round(w / scale)
    bias         int64 or int32, scale = input scale * weight scale;  q = round(bias * float32(1 / scale))

TensorFlow: tools/optimize/quantization_utils.cc
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Model, QuantParams, Tensor
from qcore.numerics.affine import along, quantize_bias, quantize_int4
from qcore.numerics.fixedpoint import round_half_away
from qcore.numerics.float32 import to_int32
from qcore.numerics.packing import pack_int4
from tflite_schema import TensorType

__all__ = [
    "has_range",
    "is_quantized",
    "quantize_activation",
    "quantize_bias_tensor",
    "quantize_constant",
    "quantize_weight",
    "requantize_constant",
    "set_bounds",
    "set_parameters",
    "set_range",
    "widened",
]

Float32Array = NDArray[np.float32]
_INT16, _INT8 = np.float32(32767), np.float32(127)
_ABSENT = {"absent": frozenset({"scale", "zero_point"})}
_NONE = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), extra=_ABSENT)


def is_quantized(tensor: Tensor) -> bool:
    """Whether a tensor has its scale."""
    return tensor.quant is not None and tensor.quant.scale.size > 0 and tensor.quant.zero_point.size > 0


def has_range(tensor: Tensor) -> bool:
    """Whether min and max of a tensor are known."""
    quant = tensor.quant
    return (
        quant is not None
        and quant.min is not None
        and quant.max is not None
        and 0 not in (quant.min.size, quant.max.size)
    )


def bounds(tensor: Tensor) -> tuple[Float32Array, Float32Array]:
    """min and max of a tensor that has them."""
    assert tensor.quant is not None
    assert tensor.quant.min is not None
    assert tensor.quant.max is not None
    return tensor.quant.min, tensor.quant.max


def set_bounds(tensor: Tensor, low: Any, high: Any, quantized_dimension: int | None = None) -> None:
    """Write min and max, [n], into a tensor."""
    quant = tensor.quant or _NONE
    dimension = quant.quantized_dimension if quantized_dimension is None else quantized_dimension
    low, high = (np.atleast_1d(np.asarray(bound, np.float32)) for bound in (low, high))
    tensor.quant = replace(quant, min=low, max=high, quantized_dimension=dimension)


def set_range(tensor: Tensor, values: Float32Array, quantized_dimension: int | None) -> None:
    """Write the range of a constant's values, per channel or per tensor, into it.

    Of 0.0 and -0.0 the converter keeps the first as min; as max the first of a channel, the last of a tensor.
    """
    if quantized_dimension is None:
        flat = values.reshape(-1)
        set_bounds(tensor, flat[np.argmin(flat)], flat[::-1][np.argmax(flat[::-1])])
        return
    channels = np.moveaxis(values, quantized_dimension, 0).reshape(values.shape[quantized_dimension], -1)
    rows = np.arange(len(channels))
    low, high = channels[rows, np.argmin(channels, 1)], channels[rows, np.argmax(channels, 1)]
    set_bounds(tensor, low, high, quantized_dimension)


def set_parameters(tensor: Tensor, type_: TensorType, scale: Any, quantized_dimension: int = 0) -> None:
    """Give a tensor its type and scale, [n]; its range stays."""
    parameters = QuantParams.of(scale, 0, quantized_dimension)
    quant = tensor.quant or _NONE
    tensor.quant = replace(
        quant, scale=parameters.scale, zero_point=parameters.zero_point, quantized_dimension=quantized_dimension
    )
    tensor.type = type_


def widened(tensor: Tensor) -> tuple[np.float32, np.float32]:
    """The range of a tensor, made to hold 0."""
    low, high = (bound[0] for bound in bounds(tensor))
    return (np.float32(0) if low > 0 else low), (np.float32(0) if high < 0 else high)


def activation_scale(tensor: Tensor) -> np.float32:
    """max(|min|, |max|) / 32767 of a tensor's range."""
    low, high = widened(tensor)
    return np.float32(max(abs(low), abs(high)) / _INT16)


def quantize_activation(tensor: Tensor) -> None:
    """int16 from the tensor's range, which is widened to hold 0."""
    scale = activation_scale(tensor)
    set_bounds(tensor, *widened(tensor), quantized_dimension=0)
    set_parameters(tensor, TensorType.INT16, scale)


def quantize_constant(model: Model, tensor: Tensor, values: Float32Array, largest: np.float32 | None = None) -> None:
    """int16 from the values of an operand that is no weight; `largest`: what 32767 stands for, if not max |values|."""
    set_parameters(tensor, TensorType.INT16, (np.max(np.abs(values)) if largest is None else largest) / _INT16)
    _store(model, tensor, _to_int16(values, _scale(tensor)))


def requantize_constant(model: Model, tensor: Tensor, scale: np.float32) -> None:
    """Give an int16 constant another scale: its integers are made real numbers, and those are quantized again."""
    integers = model.constant(tensor)
    assert integers is not None
    real = _scale(tensor) * integers.astype(np.float32)
    tensor.quant = QuantParams.of(scale)
    _store(model, tensor, _to_int16(real, scale))


def quantize_weight(
    model: Model, tensor: Tensor, values: Float32Array, quantized_dimension: int | None, bits: int = 8
) -> None:
    """int8 or int4 from the range written in a weight, per channel of `quantized_dimension` or per tensor.

    int8: an all-zero channel has scale 0, an all-zero tensor scale 1.
    """
    low, high = bounds(tensor)
    dimension = quantized_dimension or 0
    magnitude = np.maximum(np.abs(low), np.abs(high))
    if bits == 4:
        scale = np.maximum(magnitude, np.float32(1e-9)) / np.float32(7)
        set_parameters(tensor, TensorType.INT4, scale, dimension)
        model.buffers[tensor.buffer] = pack_int4(quantize_int4(values, scale, quantized_dimension))
        return
    zero = magnitude == 0
    inverse = np.where(zero, np.float32(0), _INT8 / np.where(zero, np.float32(1), magnitude))
    steps = round_half_away(values * along(inverse, values.ndim, dimension))
    scale = np.where(zero, np.float32(quantized_dimension is None), magnitude / _INT8)
    set_parameters(tensor, TensorType.INT8, scale, dimension)
    _store(model, tensor, np.clip(to_int32(steps), -127, 127).astype(np.int8))


def quantize_bias_tensor(
    model: Model, tensor: Tensor, values: Float32Array, scale: Float32Array, type_: TensorType
) -> None:
    """int64 or int32 in the given scale, [channels] or [1]."""
    set_parameters(tensor, type_, scale)
    _store(model, tensor, quantize_bias(values, scale, np.int64 if type_ == TensorType.INT64 else np.int32))


def _to_int16(values: Float32Array, scale: np.float32) -> NDArray[np.int16]:
    with np.errstate(all="ignore"):
        inverse = np.float32(0) if scale == 0 else np.float32(1 / np.float64(scale))
        steps = round_half_away(values * inverse)
    return np.clip(to_int32(steps), -32767, 32767).astype(np.int16)


def _scale(tensor: Tensor) -> np.float32:
    assert tensor.quant is not None
    return np.float32(tensor.quant.scale[0])


def _store(model: Model, tensor: Tensor, integers: NDArray[Any]) -> None:
    model.buffers[tensor.buffer] = np.frombuffer(integers.astype(integers.dtype.newbyteorder("<")).tobytes(), np.uint8)

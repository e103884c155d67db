"""Parameters and integers in the arithmetic of models trained with fake quantization: float64 scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from qcore.ir import DTYPES, QuantParams
from qcore.numerics.affine import along
from qcore.numerics.nudged import (
    constant_bounds,
    is_fake_quantized,
    nudged_parameters,
    quantize_exact,
    recovered_scale,
)
from qcore.quantizer.quantized_type import Formulas, QuantizedType, exact_bias_type
from tflite_schema import TensorType

__all__ = ["FORMULAS", "bounds_of", "held_type", "range_type", "with_type"]

Array = NDArray[Any]
_BOUNDS: Mapping[TensorType, tuple[int, int]] = {
    TensorType.INT8: (-128, 127),
    TensorType.UINT8: (0, 255),
    TensorType.INT4: (-8, 7),
    TensorType.UINT4: (0, 15),
    TensorType.INT32: (-(2**31), 2**31 - 1),
}
"""Lowest and highest integer of the types that fake quantization stands for, and of biases."""


def range_type(
    minimum: Any, maximum: Any, type_: TensorType, dimension: int | None = None, *, narrow_range: bool = False
) -> QuantizedType:
    """An 8-bit type from ranges, per tensor or per channel of `dimension`; narrow_range leaves the lowest integer."""
    parameters = nudged_parameters(minimum, maximum, bounds_of(type_, narrow_range=narrow_range))
    scale = tuple(float(s) for s in parameters.scale)
    zero_point = tuple(int(z) for z in parameters.zero_point)
    return QuantizedType(scale, zero_point, dimension, type_, narrow_range)


def held_type(quant: QuantParams, type_: TensorType, weights: Array | None) -> QuantizedType:
    """The type of a tensor that the file holds quantized; of weights, with the float64 scale they were trained with.

    The file holds float32(scale). The scale of weights was 2 m / steps, m a float32 number that can be found again,
    provided that the weights are just what fake quantization with this scale gives: a batch normalization folded into
    them multiplied both. Of activations no more is left than the float32 scale. A bias scale is the product of the two,
    rounded once; from rounded scales it is up to 2 ulp off the converter's, which knows the ranges.
    """
    held = QuantizedType.of(quant, type_)
    low, high = bounds_of(type_, narrow_range=True)
    symmetric = set(held.zero_point) == {(low + high) // 2}
    if weights is None or not symmetric:
        return held
    scale = along(quant.scale, weights.ndim, held.quantized_dimension or 0)
    if not is_fake_quantized(weights, scale, high - low):
        return held
    return replace(held, scale=tuple(float(s) for s in recovered_scale(quant.scale, high - low)))


def with_type(quantized: QuantizedType, type_: TensorType) -> QuantizedType:
    """The same real numbers in another type of as many bits, signed or not: the zero point moves."""
    shift = _BOUNDS[type_][0] - _BOUNDS[quantized.type][0]
    return replace(quantized, zero_point=tuple(zero + shift for zero in quantized.zero_point), type=type_)


def bounds_of(type_: TensorType, *, narrow_range: bool = False) -> tuple[int, int]:
    """Lowest and highest integer of a type; narrow_range leaves the lowest out."""
    low, high = _BOUNDS[type_]
    return low + narrow_range, high


def _weight(type_: TensorType, values: Array, dimension: int | None) -> QuantizedType:
    """INT8: symmetric, per channel. UINT8: per tensor, asymmetric. Neither uses the lowest integer."""
    signed = type_ == TensorType.INT8
    dimension = dimension if signed else None
    low, high = constant_bounds(values, dimension, symmetric=signed)
    return range_type(low, high, type_, dimension, narrow_range=True)


def _constant(type_: TensorType, values: Array) -> QuantizedType:
    low, high = constant_bounds(values, None, symmetric=False)
    return range_type(low, high, type_)


def _quantize(quantized: QuantizedType, values: Array) -> Array:
    bounds = bounds_of(quantized.type, narrow_range=quantized.narrow_range)
    integers = quantize_exact(values, quantized.scale, quantized.zero_point, bounds, quantized.quantized_dimension)
    return integers.astype(DTYPES[quantized.type])


FORMULAS: Mapping[TensorType, Formulas] = {
    type_: Formulas(type_, partial(_weight, type_), partial(_constant, type_), exact_bias_type, _quantize)
    for type_ in (TensorType.INT8, TensorType.UINT8)
}
"""By the type of activations and weights."""

"""Parameters and integers in the arithmetic of models trained with fake quantization: float64 scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from qcore.ir import DTYPES, QuantParams
from qcore.numerics.nudged import constant_bounds, nudged_parameters, quantize_exact, recovered_scale
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


def held_type(quant: QuantParams, type_: TensorType, *, constant: bool) -> QuantizedType:
    """The type of a tensor that the file holds quantized, with the float64 scale it had in training where it shows.

    The file holds float32(scale). The scale itself was (max - min) / steps, with float32 ends; where one end is 0, or
    the ends are -m and m, the width is a float32 number too and can be found again. Else the float32 scale is all that
    is left: a bias scale, their product, is then up to 1 ulp off the converter's, which computes it from the ranges.
    """
    exact = QuantizedType.of(quant, type_)
    low, high = bounds_of(type_)
    zeros = set(exact.zero_point)
    symmetric = zeros == {(low + high + 1) // 2}
    if not symmetric and not zeros <= {low, high}:
        return exact
    scale = recovered_scale(quant.scale, high - low - (symmetric and constant))
    return replace(exact, scale=tuple(float(s) for s in scale))


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

"""Tensors as the interpreter's user sees them: their details, and the values given to them, checked.

TFLite: python/interpreter_wrapper/interpreter_wrapper.cc, python/interpreter_wrapper/numpy.cc
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import ShapeError, UnsupportedError
from qcore.ir import DTYPES, QuantParams, Shape, Tensor
from tflite_schema import BlockwiseQuantization, DimensionType, TensorType

__all__ = ["given_array", "given_value", "tensor_details"]

Array = NDArray[Any]
# Types that NumPy has not, held in a wider one.
_RANGES = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15), TensorType.INT2: (-2, 1)}


def tensor_details(tensor: Tensor, index: int, shape: Shape, block_scales: Array | None = None) -> dict[str, Any]:
    """The details of a tensor of this shape; its dtype is the one in which the interpreter holds it.

    block_scales: the scales of a tensor quantized block by block, float16 as TFLite gives them.

    `quantization` is (0.0, 0) unless there is exactly one scale; `shape_signature` is the shape if the file has none.
    """
    signature = tensor.shape_signature or shape
    return {
        "name": tensor.name,
        "index": index,
        "shape": np.array(shape, np.int32),
        "shape_signature": np.array(signature, np.int32),
        "dtype": _scalar_type(tensor.type),
        **_quantization(tensor.quant, block_scales),
        "sparsity_parameters": _sparsity(tensor.extra.get("sparsity")),
    }


def _scalar_type(type_: TensorType) -> type:
    if type_ == TensorType.STRING:
        return np.bytes_
    return DTYPES[type_].type if type_ in DTYPES else np.object_


def _quantization(quant: QuantParams | None, block_scales: Array | None) -> dict[str, Any]:
    scales: Array = np.zeros(0, np.float32)
    zero_points: Array = np.zeros(0, np.int32)
    details, axis = (None, 0) if quant is None else (quant.details, quant.quantized_dimension)
    if block_scales is not None:
        scales = block_scales.reshape(-1).astype(np.float16)
    elif quant is not None and quant.is_quantized:
        scales, zero_points = np.array(quant.scale, np.float32), quant.zero_point.astype(np.int32)
    else:
        axis = 0
    single = scales.size == zero_points.size == 1
    return {
        "quantization": (float(scales[0]), int(zero_points[0])) if single else (0.0, 0),
        "quantization_parameters": {
            "scales": scales,
            "zero_points": zero_points,
            "quantized_dimension": axis,
            "block_size": int(details.block_size) if isinstance(details, BlockwiseQuantization) else 0,
        },
    }


def _sparsity(sparsity: Any) -> dict[str, Any]:
    """The order of the dimensions, which of them are blocked, and each one's sizes or indices; empty if dense."""
    if sparsity is None:
        return {}
    found: dict[str, Any] = {"traversal_order": _int32(sparsity.traversal_order)}
    if sparsity.block_map is not None:
        found["block_map"] = _int32(sparsity.block_map)
    found["dim_metadata"] = [
        {"format": 0, "dense_size": int(entry.dense_size)}
        if entry.format == DimensionType.DENSE
        else {
            "format": 1,
            "array_segments": _int32(getattr(entry.array_segments, "values", None)),
            "array_indices": _int32(getattr(entry.array_indices, "values", None)),
        }
        for entry in sparsity.dim_metadata or []
    ]
    return found


def _int32(values: Any) -> Array:
    return np.zeros(0, np.int32) if values is None else np.array(values, np.int32)


# Values given ---------------------------------------------------------------------------------------------------------


def given_array(value: Any, place: str) -> Array:
    """A value as an array, a list or a number included; ShapeError where no array can be made of it."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{place}: no array can be made of the value: {error}") from error


def given_value(tensor: Tensor, shape: Shape, value: Any, place: str) -> Array:
    """A value for a tensor of this shape, as kernels read it; ShapeError unless shape and dtype are the tensor's.

    Text is taken as its bytes in UTF-8, a bfloat16 array (of ml_dtypes) as the uint16 of its bits. A 4-bit number must
    be one.
    """
    if tensor.type not in DTYPES:
        raise UnsupportedError(f"{place} has type {tensor.type.name}; no value can be given to it")
    array, dtype = given_array(value, place), DTYPES[tensor.type]
    if tensor.type == TensorType.STRING and array.dtype.kind in "OSU":
        array = _encoded(array, place)
    elif tensor.type == TensorType.BFLOAT16 and array.dtype.name == "bfloat16":
        array = array.view(np.uint16)
    if array.dtype != dtype:
        raise ShapeError(f"{place} is {dtype}, got {array.dtype}; convert the value first")
    if array.shape != shape:
        raise ShapeError(f"{place} has shape {shape}, got {array.shape}; reshape the value or call resize_tensor_input")
    if tensor.type in _RANGES and array.size:
        least, most = _RANGES[tensor.type]
        if array.min() < least or array.max() > most:
            raise ShapeError(f"{place} is {tensor.type.name}; its values must be between {least} and {most}")
    return array


def _encoded(texts: Array, place: str) -> Array:
    encoded = np.empty(texts.shape, object)
    for index, text in np.ndenumerate(texts):
        try:
            encoded[index] = text.encode() if isinstance(text, str) else text
        except UnicodeEncodeError as error:
            raise ShapeError(f"{place}: {text!r} is not text: {error.reason}") from error
        if not isinstance(encoded[index], bytes):
            raise ShapeError(f"{place} holds strings, got {text!r}, which is neither text nor bytes")
    return encoded

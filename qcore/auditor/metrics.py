"""How far quantized values are from the float values they stand for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import QuantizationError
from qcore.interpreter import Interpreter
from qcore.ir import Model, Tensor
from qcore.numerics.affine import along, dequantize, quantize
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["LayerError", "compare_layers", "decibels", "quantized_inputs", "real_values", "sqnr"]

Array = NDArray[Any]
_BORDERS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)


def sqnr(reference: Array, values: Array) -> float:
    """Signal-to-quantization-noise ratio in decibels: 10 log10(sum(reference^2) / sum((values - reference)^2)).

    inf where the two are equal, -inf where only the reference is zero.
    """
    exact = np.asarray(reference, np.float64)
    noise = float(np.sum((np.asarray(values, np.float64) - exact) ** 2))
    signal = float(np.sum(exact**2))
    return decibels(signal, noise)


def decibels(signal: float, noise: float) -> float:
    """10 log10(signal / noise): inf without noise, -inf where there is noise alone, or nothing that can be measured."""
    if noise == 0:
        return math.inf
    ratio = signal / noise
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def real_values(tensor: Tensor, values: Array) -> Array:
    """The real numbers a tensor's values stand for: scale * (q - zero_point), or the values of a float tensor."""
    if tensor.quant is None or not tensor.quant.is_quantized or values.dtype.kind == "f":
        return values
    axis = tensor.quant.quantized_dimension
    scale = along(tensor.quant.scale, values.ndim, axis) if tensor.quant.is_per_channel else tensor.quant.scale
    zero = along(tensor.quant.zero_point, values.ndim, axis) if tensor.quant.is_per_channel else tensor.quant.zero_point
    return dequantize(values, scale, zero)


@dataclass(frozen=True, slots=True)
class LayerError:
    """One operator of the quantized model beside the same operator of the float model."""

    operator: int
    name: str
    tensor: str
    type: TensorType
    scale: float | None
    zero_point: int | None
    sqnr: float


def compare_layers(float_model: Model, quantized: Model, samples: Iterable[Sequence[Array]]) -> list[LayerError]:
    """The SQNR of every operator's first result, accumulated over float samples (lists in input order).

    Operators are matched in order, QUANTIZE and DEQUANTIZE left out. Integer inputs of the quantized model are fed the
    quantized samples. Raises QuantizationError where the operators of the two models do not correspond.
    """
    ours = [(i, op) for i, op in enumerate(quantized.main.operators) if op.code not in _BORDERS]
    theirs = [op for op in float_model.main.operators if op.code not in _BORDERS]
    if [op.code for _, op in ours] != [op.code for op in theirs]:
        raise QuantizationError("the two models have different operators, so their layers cannot be compared")
    exact, integer = Interpreter(float_model), Interpreter(quantized)
    signal, noise = np.zeros(len(ours)), np.zeros(len(ours))
    for sample in samples:
        exact.run(list(sample))
        integer.run(quantized_inputs(quantized, sample))
        for position, ((_, op), reference) in enumerate(zip(ours, theirs, strict=True)):
            wanted = exact.get_tensor(reference.outputs[0]).astype(np.float64)
            tensor = quantized.main.tensors[op.outputs[0]]
            got = real_values(tensor, integer.get_tensor(op.outputs[0])).astype(np.float64)
            signal[position] += float(np.sum(wanted**2))
            noise[position] += float(np.sum((got - wanted) ** 2))
    rows = []
    for position, (index, op) in enumerate(ours):
        tensor = quantized.main.tensors[op.outputs[0]]
        quant = tensor.quant if tensor.quant is not None and tensor.quant.is_quantized else None
        rows.append(
            LayerError(
                index,
                op.name,
                tensor.name,
                tensor.type,
                None if quant is None else float(quant.scale[0]),
                None if quant is None else int(quant.zero_point[0]),
                decibels(signal[position], noise[position]),
            )
        )
    return rows


def quantized_inputs(model: Model, sample: Sequence[Array]) -> list[Array]:
    """Float values as the model's inputs want them: quantized where an input is an integer tensor with a scale."""
    values = []
    for index, value in zip(model.main.inputs, sample, strict=True):
        tensor = model.main.tensors[index]
        quant = tensor.quant
        if quant is not None and quant.is_quantized and value.dtype.kind == "f" and tensor.type != TensorType.FLOAT32:
            values.append(quantize(value, quant.scale[0], int(quant.zero_point[0]), tensor.type.name.lower()))
        else:
            values.append(value)
    return values

"""dynamic_range and weight_only_int8: large weights are stored in int8.

An operator with a hybrid kernel reads the integers, and quantizes its activations while the model runs. For any other
operator, for deny-listed ones, and for all under weight_only_int8, a DEQUANTIZE makes the weight float32 again. Only
constants of at least 1024 elements that stand where TensorFlow expects weights are stored so; biases and operands of
ADD, MUL, ... stay float32. TRANSPOSE_CONV and EMBEDDING_LOOKUP read integers in every case: that is how TensorFlow
quantizes them.
TensorFlow: prepare_quantize_dynamic_range.cc, quantize.cc, quantize_by_converter_patterns.td, ir/tfl_ops.td
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qcore.errors import QuantizationError
from qcore.quantizer.four_bits import FOUR_BIT_WEIGHTS
from qcore.quantizer.full_integer.verify import QuantizationWarning
from qcore.quantizer.program import Line, Value, conversion
from qcore.quantizer.quantized_type import QuantizedType, four_bit_type
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.weights.source import Block, Source
from qcore.quantizer.weights.weight_type import integers, weight_type
from tflite_schema import (
    BatchMatMulOptions,
    BidirectionalSequenceLSTMOptions,
    BuiltinOperator,
    FullyConnectedOptions,
    LSTMKernelType,
    LSTMOptions,
    SequenceRNNOptions,
    SVDFOptions,
    TensorType,
    UnidirectionalSequenceLSTMOptions,
)

__all__ = ["LEAST_ELEMENTS", "WEIGHTS", "Weights", "store_in_int8", "weights_of"]

LEAST_ELEMENTS = 1024
"""Constants with fewer elements stay float32."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which operands of an operator are weights.

    axis: their channel axis; None: one scale for all. options: the table in which the operator is told to quantize its
    activations asymmetrically. hybrid: whether a kernel takes float32 activations and int8 weights; always: even where
    the recipe asks for a DEQUANTIZE.
    """

    operands: tuple[int, ...] = (1,)
    axis: int | None = None
    options: Any = None
    hybrid: bool = True
    always: bool = False


_LSTM = (*range(1, 12), 16)

WEIGHTS: Mapping[BuiltinOperator, Weights] = {
    BuiltinOperator.CONV_2D: Weights(axis=0),
    BuiltinOperator.DEPTHWISE_CONV_2D: Weights(axis=3),
    BuiltinOperator.FULLY_CONNECTED: Weights(axis=0, options=FullyConnectedOptions),
    BuiltinOperator.TRANSPOSE_CONV: Weights(axis=0, always=True),
    BuiltinOperator.BATCH_MATMUL: Weights(options=BatchMatMulOptions),
    BuiltinOperator.GATHER: Weights(operands=(0,), hybrid=False),
    BuiltinOperator.EMBEDDING_LOOKUP: Weights(axis=0, always=True),
    BuiltinOperator.LSTM: Weights(operands=_LSTM, options=LSTMOptions),
    BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM: Weights(operands=_LSTM, options=UnidirectionalSequenceLSTMOptions),
    BuiltinOperator.BIDIRECTIONAL_SEQUENCE_LSTM: Weights(
        operands=(*_LSTM, *range(18, 29), 33, *range(40, 48)), options=BidirectionalSequenceLSTMOptions
    ),
    BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN: Weights(operands=(1, 2), options=SequenceRNNOptions),
    BuiltinOperator.SVDF: Weights(operands=(1, 2), options=SVDFOptions),
}
"""The operators of which TensorFlow 2.21 quantizes weights without calibration."""


def store_in_int8(source: Source, constants: Block, recipe: Recipe) -> Block:
    """Let operators read int8 weights, directly or through DEQUANTIZE; constants and conversions in their first order.

    QuantizationError for NaN or infinity in a weight. Warns (QuantizationWarning) of weights that TFLite reads wrongly.
    """
    block: Block = []
    for item in constants:
        block.append(item)
        if isinstance(item, Value) and item in source.floats:
            for type_, uses in _types(source, item, recipe).items():
                block += _store(source, item, type_, uses, recipe)
    return block


def weights_of(line: Line) -> Weights | None:
    """Which operands of an operator are weights; None if none: TensorFlow leaves the basic kernel of LSTM in float."""
    options = line.operator.options
    if isinstance(options, LSTMOptions) and options.kernel_type == LSTMKernelType.BASIC:
        return None
    return WEIGHTS.get(line.code)


def is_too_small(source: Source, line: Line) -> bool:
    """Whether a sequence LSTM stays float32 because one of its weights is small: it cannot have both kinds."""
    if line.code != BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM:
        return False
    operands = [line.inputs[i] for i in WEIGHTS[line.code].operands if i < len(line.inputs)]
    return any(value in source.floats and value.tensor.size < LEAST_ELEMENTS for value in operands if value is not None)


def _types(source: Source, constant: Value, recipe: Recipe) -> dict[QuantizedType, list[tuple[Line, int]]]:
    """The types in which a constant is to be stored, and who reads each; none for a constant that stays float32."""
    found: dict[QuantizedType, list[tuple[Line, int]]] = {}
    if constant.tensor.size < LEAST_ELEMENTS:
        return found
    for line in source.program.lines:
        weights = weights_of(line)
        if weights is None or is_too_small(source, line):
            continue
        for position, value in enumerate(line.inputs):
            if value is constant and position in weights.operands:
                _require_finite(source, line, constant)
                numbers, axis = source.floats[constant], _axis(line, weights, recipe)
                four_bits = recipe.weight_bits == 4 and line.code in FOUR_BIT_WEIGHTS[recipe.scheme]
                make = four_bit_type if four_bits else weight_type
                type_ = make(numbers, axis, recipe.weight_method)
                found.setdefault(type_, []).append((line, position))
    return found


def _axis(line: Line, weights: Weights, recipe: Recipe) -> int | None:
    dense = line.code == BuiltinOperator.FULLY_CONNECTED
    return weights.axis if recipe.per_channel and (recipe.per_channel_dense or not dense) else None


def _store(
    source: Source, constant: Value, type_: QuantizedType, uses: list[tuple[Line, int]], recipe: Recipe
) -> Block:
    numbers = source.floats[constant]
    four_bits = type_.type == TensorType.INT4
    stored = Value(
        constant.name, constant.tensor, type_, type_.quantize(numbers) if four_bits else integers(numbers, type_)
    )
    single = Value(constant.name, replace(constant.tensor, buffer=0))
    for line, position in uses:
        weights = WEIGHTS[line.code]
        if weights.options is not None:
            options = line.operator.options or weights.options()
            line.operator.options = options.replace(asymmetric_quantize_inputs=True)
        computes_in_float = recipe.scheme == "weight_only_int8" or _denied(line, recipe)
        hybrid = weights.always or (weights.hybrid and not computes_in_float)
        if hybrid:
            _warn_of_kernel(source, line, type_)
        if weights.always:
            line.outputs[0].name = _joined(line.outputs[0].name, constant.name)
        line.inputs[position] = stored if hybrid else single
    read = any(single in line.inputs for line, _ in uses)
    return [stored, conversion(BuiltinOperator.DEQUANTIZE, stored, single)] if read else [stored]


def _joined(*names: str) -> str:
    """The name of what the converter made of several operators and constants."""
    return ";".join(dict.fromkeys(part for name in names for part in name.split(";") if part))


def _denied(line: Line, recipe: Recipe) -> bool:
    names = {value.tensor.name for value in line.outputs}
    return line.operator.name in recipe.denylisted_ops or bool(names & recipe.denylisted_nodes)


def _warn_of_kernel(source: Source, line: Line, type_: QuantizedType) -> None:
    """Warn of what TFLite's hybrid depthwise kernels do: they read a scale for each channel, behind the end of one."""
    if line.code == BuiltinOperator.DEPTHWISE_CONV_2D and len(type_.scale) < line.outputs[0].tensor.shape[-1]:
        warnings.warn(
            f"{source.place(line)}: weights have one scale for all channels, where TFLite reads one for each: its "
            "results are garbage; keep per_channel, or add DEPTHWISE_CONV_2D to denylisted_ops",
            QuantizationWarning,
            stacklevel=6,
        )


def _require_finite(source: Source, line: Line, constant: Value) -> None:
    if not np.isfinite(source.floats[constant]).all():
        raise QuantizationError(
            f"{source.place(line)}: its weight, tensor {constant.tensor.name!r}, holds NaN or infinity, of which no "
            "scale can be made; clean the float model"
        )

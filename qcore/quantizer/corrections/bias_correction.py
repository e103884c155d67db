"""Bias correction: take out of each bias what rounding the weights adds to the output on average.

    b'[c] = b[c] - (E[W~ x~ + b]_c - E[W x + b]_c)

c is an output channel; the means are over samples and positions, before the activation. x are the values of the float
model, x~ those of the float model whose weights up to here are the rounded ones, W~ = scale * (q - zero_point), and
whose biases before here are corrected already: layers are corrected in the order of the graph. What rounding the
activations adds is not measured.
Nagel et al. 2019, Data-free quantization through weight equalization and bias correction, arXiv:1906.04721, section 4.2
and appendix D (empirical bias correction)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.dataset import Dataset, Samples, open_dataset
from qcore.edit import add_constant, add_tensor
from qcore.errors import CalibrationError, QuantizationError
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator, QuantParams, Tensor, numpy_dtype
from qcore.numerics import affine
from qcore.op import find
from tflite_schema import ActivationFunctionType, BuiltinOperator, TensorType

__all__ = ["correct_biases"]

Array = NDArray[Any]
Progress = Callable[[int, int | None], None]

_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
_LINEAR = frozenset(
    {
        BuiltinOperator.CONV_2D,
        BuiltinOperator.DEPTHWISE_CONV_2D,
        BuiltinOperator.FULLY_CONNECTED,
        BuiltinOperator.TRANSPOSE_CONV,
    }
)
"""Operators whose last axis is that of the bias, and whose float operand and weight enter it linearly."""


def correct_biases(model: Model, quantized: Model, samples: Samples, *, progress: Progress | None = None) -> Model:
    """A quantized model with corrected biases; the models given stay as they are.

    model: the float model that `quantized` was made of, by any recipe. samples: as for `calibrate`; the first pass runs
    the float model, then one pass for each layer runs the model up to it, so a few dozen samples are enough work.
    Corrected are CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV of the main graph with constant weights
    that were rounded; a layer without a bias gets one. Biases in float stay in float.
    progress(done, total or None) is called after every run.

    Raises QuantizationError where the operators of the two models do not correspond or no layer has rounded weights,
    CalibrationError for samples that cannot be read again, and what `open_dataset` raises.
    """
    dataset = open_dataset(samples, model)
    if dataset.once:
        raise CalibrationError(
            "bias correction reads the samples again for each layer; an iterator or generator can be read only once. "
            "Give a list, an array, a path, or a function that returns a new iterator each time"
        )
    layers = list(_layers(model, quantized))
    if not layers:
        raise QuantizationError("no layer of the main graph has rounded weights; there is no bias to correct")
    count = _Count(progress, 1 + len(layers), dataset.total)
    plain = _unfused(model, layers)
    wanted = _means(plain, [layer.output for layer in layers], dataset, count)
    rounded = plain.copy()
    for layer in layers:
        _replace_operand(rounded, layer.operator, layer.weight_position, layer.rounded)
    result = quantized.copy()
    for layer, mean in zip(layers, wanted, strict=True):
        _replace_operand(rounded, layer.operator, layer.bias_position, layer.bias)
        shift = _means(_up_to(rounded, layer), [layer.output], dataset, count)[0] - mean
        corrected = (layer.bias.astype(np.float64) - shift).astype(np.float32)
        _replace_operand(rounded, layer.operator, layer.bias_position, corrected)
        _write(result, layer, corrected)
    return result


@dataclass
class _Layer:
    """A layer to correct.

    operator: its index in the float model, and from `_unfused` on in the model made there; output: the tensor before
    the activation; twin: its index in the quantized model. rounded: the weights as the quantized model has them.
    """

    operator: int
    twin: int
    output: int
    weight_position: int
    bias_position: int
    rounded: Array
    bias: Array


def _layers(model: Model, quantized: Model) -> Iterator[_Layer]:
    ours, theirs = (
        [(i, op) for i, op in enumerate(m.main.operators) if op.code not in _CONVERSIONS] for m in (model, quantized)
    )
    if [op.code for _, op in ours] != [op.code for _, op in theirs]:
        raise QuantizationError("the two models have different operators, so one was not made of the other")
    for (index, op), (twin, other) in zip(ours, theirs, strict=True):
        rules = find(op.code, op.custom_code).rules
        if op.code not in _LINEAR or rules.weight_operand is None or rules.bias_operand is None:
            continue
        position, bias_position = rules.weight_operand[0], rules.bias_operand[0]
        rounded = _rounded(quantized, other.inputs[position])
        if rounded is None or model.constant(model.main.tensors[op.inputs[position]]) is None:
            continue
        bias = model.constant(model.main.tensors[op.inputs[bias_position]]) if _has(op, bias_position) else None
        if bias is None:
            if _has(op, bias_position):
                continue
            bias = np.zeros(model.main.tensors[op.outputs[0]].shape[-1], np.float32)
        yield _Layer(index, twin, op.outputs[0], position, bias_position, rounded, bias)


def _has(operator: Operator, position: int) -> bool:
    return len(operator.inputs) > position and operator.inputs[position] >= 0


def _rounded(model: Model, tensor: int) -> Array | None:
    """The real numbers that rounded weights stand for, a DEQUANTIZE after them included; None for others."""
    graph = model.main
    producer = graph.producers().get(tensor)
    if producer is not None and graph.operators[producer].code == BuiltinOperator.DEQUANTIZE:
        tensor = graph.operators[producer].inputs[0]
    values, quant = model.constant(graph.tensors[tensor]), graph.tensors[tensor].quant
    if values is None or values.dtype == np.float16:
        return None if values is None else values.astype(np.float32)
    if quant is None or not quant.is_quantized:
        return None
    axis = quant.quantized_dimension
    scale, zero_point = (affine.along(parameter, values.ndim, axis) for parameter in (quant.scale, quant.zero_point))
    return affine.dequantize(values, scale, zero_point)


# The float model, before activations ----------------------------------------------------------------------------------


def _unfused(model: Model, layers: Sequence[_Layer]) -> Model:
    """The model with the activations of the layers as operators of their own; the layers' indices follow."""
    result = model.copy()
    graph = result.main
    by_index = {layer.operator: layer for layer in layers}
    operators: list[Operator] = []
    for index, op in enumerate(graph.operators):
        if index in by_index:
            by_index[index].operator = len(operators)
        operators.append(op)
        fused = getattr(op.options, "fused_activation_function", ActivationFunctionType.NONE)
        if index in by_index and fused != ActivationFunctionType.NONE:
            before = add_tensor(graph, replace(graph.tensors[op.outputs[0]]))
            code = BuiltinOperator[ActivationFunctionType(fused).name]
            operators.append(Operator(code, (before,), op.outputs))
            op.options = op.options.replace(fused_activation_function=ActivationFunctionType.NONE)
            op.outputs = (before,)
            by_index[index].output = before
    graph.operators = operators
    return result


def _up_to(model: Model, layer: _Layer) -> Model:
    """The model that ends with the layer."""
    result = model.copy()
    result.main.operators = result.main.operators[: layer.operator + 1]
    result.main.outputs = (layer.output,)
    result.signatures = []
    return result


def _replace_operand(model: Model, index: int, position: int, values: Array) -> None:
    """Let an operator read a constant of its own."""
    operator = model.main.operators[index]
    tensor = add_constant(model, model.main, "", values)
    inputs = [*operator.inputs, *[-1] * (position + 1 - len(operator.inputs))]
    inputs[position] = tensor
    operator.inputs = tuple(inputs)


class _Count:
    """Reports runs, over all passes."""

    def __init__(self, progress: Progress | None, passes: int, total: int | None) -> None:
        self.progress, self.done = progress, 0
        self.total = None if total is None else passes * total

    def step(self) -> None:
        """One more run is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _means(model: Model, tensors: Sequence[int], dataset: Dataset, count: _Count) -> list[NDArray[np.float64]]:
    """The mean over samples and positions of each channel (last axis) of each tensor."""
    interpreter = Interpreter(model)
    sums: list[Any] = [0.0] * len(tensors)
    sizes = [0] * len(tensors)
    for sample in dataset:
        if sample.subgraph != 0:
            raise CalibrationError("bias correction runs the main graph; give samples without a signature key")
        interpreter.run(sample.inputs)
        for position, tensor in enumerate(tensors):
            values = interpreter.get_tensor(tensor)
            values = values.reshape(-1, values.shape[-1])
            sums[position] = sums[position] + values.sum(axis=0, dtype=np.float64)
            sizes[position] += len(values)
        count.step()
    if not all(sizes):
        raise CalibrationError("the dataset is empty, or at its end; give at least one sample, the same in every pass")
    return [np.asarray(total / size) for total, size in zip(sums, sizes, strict=True)]


# The quantized model --------------------------------------------------------------------------------------------------


def _write(result: Model, layer: _Layer, bias: Array) -> None:
    """Store a bias in the layer's type: in place where nothing else reads it, otherwise as a new tensor."""
    graph = result.main
    operator = graph.operators[layer.twin]
    if not _has(operator, layer.bias_position):
        _replace_operand(result, layer.twin, layer.bias_position, bias)
        graph.tensors[-1] = _absent_bias(result, layer, graph.tensors[-1])
    index = operator.inputs[layer.bias_position]
    if len(graph.consumers()[index]) > 1:
        index = add_tensor(graph, replace(graph.tensors[index]))
        inputs = operator.inputs
        operator.inputs = (*inputs[: layer.bias_position], index, *inputs[layer.bias_position + 1 :])
    tensor = graph.tensors[index]
    if tensor.type != TensorType.FLOAT32:
        assert tensor.quant is not None
        bias = affine.quantize_bias(bias, tensor.quant.scale, numpy_dtype(tensor.type))
    before, tensor.buffer = tensor.buffer, result.add_buffer(bias)
    if all(other.buffer != before for g in result.subgraphs for other in g.tensors):
        result.buffers[before] = None


def _absent_bias(result: Model, layer: _Layer, made: Tensor) -> Tensor:
    """The tensor of a bias that the file left off: int32 (int64 for int16 values) where the layer reads integers."""
    graph = result.main
    operator = graph.operators[layer.twin]
    constraint = find(operator.code, operator.custom_code).rules.bias_operand
    assert constraint is not None
    x, w = (graph.tensors[operator.inputs[position]] for position in constraint[1].of)
    name = f"{graph.tensors[operator.outputs[0]].name}_bias"
    if x.quant is None or x.type == TensorType.FLOAT32 or w.quant is None:
        return replace(made, name=name)
    type_ = TensorType.INT64 if x.type == TensorType.INT16 else TensorType.INT32
    return replace(made, name=name, type=type_, quant=QuantParams.of(affine.bias_scale(x.quant.scale, w.quant.scale)))

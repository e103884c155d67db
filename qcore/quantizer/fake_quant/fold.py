"""Fake-quantized constants that only move: TRANSPOSE and RESHAPE of one are carried out.

A float model has no others left; behind fake quantization the converter cannot carry them out before it quantizes.
TensorFlow: post_quantize.cc, FoldTransposeOp and FoldReshapeOp
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, Tensor
from qcore.quantizer.full_integer.plan import Pair
from tflite_schema import BuiltinOperator

__all__ = ["fold_moved_constants"]

_MOVES = (BuiltinOperator.TRANSPOSE, BuiltinOperator.RESHAPE)


def fold_moved_constants(model: Model, subgraph: int, pairs: Mapping[int, Pair]) -> dict[int, Pair]:
    """Replace such operators of a graph by the constants they make, in place; the pairs of the graph that results.

    QuantizationError where the constant has a scale per channel: TensorFlow does not move the channels along.
    """
    graph, known = model.subgraphs[subgraph], dict(pairs)
    index = 0
    while index < len(graph.operators):
        operator = graph.operators[index]
        values = _moved(model, graph.tensors, operator, known)
        if values is None:
            index += 1
            continue
        source, result = operator.inputs[0], operator.outputs[0]
        pair, tensor = known[source], graph.tensors[result]
        if pair.type.quantized_dimension is not None and not _keeps_channels(model, graph.tensors, operator, pair):
            raise QuantizationError(
                f"subgraph {subgraph}: {operator.name} {tensor.name!r} moves weights that are fake-quantized per "
                "channel, which TensorFlow refuses; fake-quantize them per tensor"
            )
        constant = add_tensor(graph, replace(tensor, buffer=model.add_buffer(values)))
        graph.operators.remove(operator)
        for reader in graph.operators:
            reader.inputs = tuple(constant if operand == result else operand for operand in reader.inputs)
        named = replace(pair.quantized, name=tensor.name, extra=tensor.extra)
        known = {key: _after_removal(value, index) for key, value in known.items()}
        known[constant] = replace(pair, position=index, quantized=named, dequantized=tensor)
    return known


def _moved(model: Model, tensors: list[Tensor], operator: Operator, pairs: Mapping[int, Pair]) -> NDArray[Any] | None:
    """The result of an operator that moves a constant with a pair; None for any other."""
    if operator.code not in _MOVES or operator.inputs[0] not in pairs:
        return None
    values = model.constant(tensors[operator.inputs[0]])
    if values is None:
        return None
    if operator.code == BuiltinOperator.RESHAPE:
        shape = tensors[operator.outputs[0]].shape
        return values.reshape(shape) if np.prod(shape, dtype=np.int64) == values.size else None
    order = model.constant(tensors[operator.inputs[1]])
    return None if order is None or sorted(order.tolist()) != list(range(values.ndim)) else values.transpose(order)


def _keeps_channels(model: Model, tensors: list[Tensor], operator: Operator, pair: Pair) -> bool:
    """Whether the channels are along the same axis before and after."""
    order = model.constant(tensors[operator.inputs[1]]) if operator.code == BuiltinOperator.TRANSPOSE else None
    return order is not None and order[pair.type.quantized_dimension] == pair.type.quantized_dimension


def _after_removal(pair: Pair, index: int) -> Pair:
    return replace(pair, position=pair.position - 1) if pair.position > index else pair

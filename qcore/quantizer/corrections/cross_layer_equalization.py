"""Cross-layer equalization: scale the channels between two layers so that both use their range.

    W1[c] <- W1[c] / s[c],   b1[c] <- b1[c] / s[c],   W2[:, c] <- W2[:, c] * s[c]
    s[c] = sqrt(r1[c] * r2[c]) / r2[c],   r1[c] = max |W1[c]|,   r2[c] = max |W2[:, c]|

c is an output channel of the first layer and the input channel of the second that reads it. Afterwards both ranges are
sqrt(r1 * r2). The network computes the same as before, since f(x / s) = f(x) / s for s > 0 where f is nothing, RELU or
pooling; not where f is RELU6, so layers with a RELU6 between them stay as they are (replacing it by RELU, where the
model's accuracy permits, makes a pair of them). Pairs that share a layer are visited in turn until nothing changes.
Nagel et al. 2019, Data-free quantization through weight equalization and bias correction, arXiv:1906.04721, section 4.1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, Subgraph
from tflite_schema import ActivationFunctionType, BuiltinOperator, TensorType

__all__ = ["equalize"]

Array = NDArray[Any]

_OUTPUT_AXIS = {
    BuiltinOperator.CONV_2D: 0,
    BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    BuiltinOperator.FULLY_CONNECTED: 0,
}
_INPUT_AXIS = {
    BuiltinOperator.CONV_2D: 3,
    BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    BuiltinOperator.FULLY_CONNECTED: 1,
}
_BETWEEN = frozenset({BuiltinOperator.RELU, BuiltinOperator.MAX_POOL_2D, BuiltinOperator.AVERAGE_POOL_2D})
_HOMOGENEOUS = (ActivationFunctionType.NONE, ActivationFunctionType.RELU)
_ROUNDS = 50
_SETTLED = 1e-3
"""Equalization ends after 50 rounds, or when no channel was scaled by more than this share."""


@dataclass(frozen=True)
class _Pair:
    """Two layers, the tensors of their weights, and the bias of the first (-1: none)."""

    first: Operator
    second: Operator
    weights: tuple[int, int]
    bias: int


def equalize(model: Model) -> Model:
    """A float model that computes the same, with equalized weights; the model given stays as it is.

    Pairs are CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in any combination, one right after the other or with RELU,
    MAX_POOL_2D or AVERAGE_POOL_2D between, whose weights are constants that nothing else reads. Ranges of the values
    between them change: calibrate the model returned.

    Raises QuantizationError if there is no such pair.
    """
    result = model.copy()
    values: dict[int, Array] = {}
    found = False
    for graph in result.subgraphs:
        values.clear()
        pairs = list(_pairs(result, graph))
        for pair in pairs:
            for tensor in (*pair.weights, pair.bias):
                constant = result.constant(graph.tensors[tensor]) if tensor >= 0 else None
                if constant is not None and tensor not in values:
                    values[tensor] = constant.astype(np.float64)
        for _ in range(_ROUNDS):
            if max((_equalize(pair, values) for pair in pairs), default=0.0) < _SETTLED:
                break
        for tensor, constant in values.items():
            graph.tensors[tensor].buffer = result.add_buffer(constant.astype(np.float32))
        found = found or bool(pairs)
    if not found:
        raise QuantizationError(
            "no two layers can be equalized: it takes CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED one after the "
            "other, with nothing but RELU or pooling between them and weights of their own"
        )
    _drop_unused_buffers(result)
    return result


def _equalize(pair: _Pair, values: dict[int, Array]) -> float:
    """Scale the channels between two layers; by how much, at most: |s - 1|."""
    first, second = (values[tensor] for tensor in pair.weights)
    axes = _OUTPUT_AXIS[pair.first.code], _INPUT_AXIS[pair.second.code]
    r1, r2 = (np.abs(w).max(axis=_others(w, axis)) for w, axis in zip((first, second), axes, strict=True))
    used = (r1 > 0) & (r2 > 0)
    s = np.sqrt(np.where(used, r1, 1) / np.where(used, r2, 1))
    values[pair.weights[0]] = first / _along(s, first, axes[0])
    values[pair.weights[1]] = second * _along(s, second, axes[1])
    if pair.bias >= 0:
        values[pair.bias] = values[pair.bias] / s
    return float(np.abs(s - 1).max())


def _others(w: Array, axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(w.ndim) if other != axis)


def _along(s: Array, w: Array, axis: int) -> Array:
    return np.expand_dims(s, _others(w, axis))


# Finding pairs --------------------------------------------------------------------------------------------------------


def _pairs(model: Model, graph: Subgraph) -> Iterator[_Pair]:
    uses = graph.consumers()
    for first in graph.operators:
        if first.code not in _OUTPUT_AXIS or not _is_homogeneous(first):
            continue
        second = _next_layer(graph, uses, first.outputs[0])
        if second is None:
            continue
        weights = first.inputs[1], second.inputs[1]
        bias = first.inputs[2] if len(first.inputs) > 2 else -1
        own = all(
            graph.tensors[tensor].type == TensorType.FLOAT32
            and model.is_constant(graph.tensors[tensor])
            and graph.tensors[tensor].extra.get("sparsity") is None
            and len(uses[tensor]) == 1
            and tensor not in graph.outputs
            for tensor in (*weights, bias)
            if tensor >= 0
        )
        if own and _channels_meet(graph, first, second):
            yield _Pair(first, second, weights, bias)


def _is_homogeneous(operator: Operator) -> bool:
    """Whether the fused activation, if any, lets a positive factor pass."""
    return getattr(operator.options, "fused_activation_function", ActivationFunctionType.NONE) in _HOMOGENEOUS


def _next_layer(graph: Subgraph, uses: dict[int, list[tuple[int, int]]], tensor: int) -> Operator | None:
    """The layer that alone reads a tensor, through what lets factors pass."""
    while True:
        readers = uses.get(tensor, [])
        if len(readers) != 1 or readers[0][1] != 0 or tensor in graph.outputs:
            return None
        operator = graph.operators[readers[0][0]]
        if operator.code in _INPUT_AXIS:
            return operator
        if operator.code not in _BETWEEN or not _is_homogeneous(operator):
            return None
        tensor = operator.outputs[0]


def _channels_meet(graph: Subgraph, first: Operator, second: Operator) -> bool:
    """Whether output channel c of the first layer is input channel c of the second: no groups, no flattening."""
    w1, w2 = (graph.tensors[operator.inputs[1]].shape for operator in (first, second))
    x = graph.tensors[second.inputs[0]].shape
    ranks = [2 if op.code == BuiltinOperator.FULLY_CONNECTED else 4 for op in (first, second)]
    if [len(w1), len(w2)] != ranks or not x:
        return False
    return w1[_OUTPUT_AXIS[first.code]] == x[-1] == w2[_INPUT_AXIS[second.code]]


def _drop_unused_buffers(model: Model) -> None:
    """Empty the buffers whose constants were replaced."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used.update(int(entry.buffer) for entry in model.metadata)
    for buffer in range(len(model.buffers)):
        if buffer not in used:
            model.buffers[buffer] = None

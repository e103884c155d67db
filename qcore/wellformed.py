"""What must hold before a graph can be run at all: indices that exist, shapes, quantization parameters that fit.

A model that was loaded has its indices checked; one that was built or edited has not.

TFLite: core/interpreter_builder.cc (ParseQuantization)
"""

from __future__ import annotations

from qcore.errors import ModelError
from qcore.ir import Model, Operator, Subgraph, Tensor
from tflite_schema import BlockwiseQuantization

__all__ = ["require_wellformed"]


def require_wellformed(model: Model, subgraph: int) -> None:
    """ModelError, with the place, where the graph refers to what does not exist or a tensor contradicts itself."""
    graph, place = model.subgraphs[subgraph], f"subgraph {subgraph}"
    _require_indices(graph, graph.inputs, f"{place}, inputs")
    _require_indices(graph, graph.outputs, f"{place}, outputs")
    for index, tensor in enumerate(graph.tensors):
        _require_tensor(model, tensor, f"{place}, tensor {index} {tensor.name!r}")
    for index, operator in enumerate(graph.operators):
        _require_operands(model, graph, operator, f"{place}, operator {index} {operator.name}")


def _require_operands(model: Model, graph: Subgraph, operator: Operator, place: str) -> None:
    _require_indices(graph, operator.inputs, place, optional=True)
    _require_indices(graph, operator.outputs, place)
    _require_indices(graph, operator.intermediates, place, optional=True)
    for index in operator.outputs:
        if model.is_constant(graph.tensors[index]):
            raise ModelError(f"{place}: the result is tensor {index}, whose value the file stores")


def _require_indices(graph: Subgraph, indices: tuple[int, ...], place: str, optional: bool = False) -> None:
    least, count = -1 if optional else 0, len(graph.tensors)
    for index in indices:
        if not least <= index < count:
            raise ModelError(f"{place}: tensor {index} does not exist; the graph has {count}")


def _require_tensor(model: Model, tensor: Tensor, place: str) -> None:
    if not 0 <= tensor.buffer < max(len(model.buffers), 1):
        raise ModelError(f"{place}: buffer {tensor.buffer} does not exist; the model has {len(model.buffers)}")
    if not all(0 <= size < 1 << 31 for size in tensor.shape):
        raise ModelError(f"{place}: shape {tensor.shape} has a negative dimension, or one beyond 32 bits")
    quant = tensor.quant
    if quant is None or not quant.is_quantized or isinstance(quant.details, BlockwiseQuantization):
        return
    scales, axis, rank = quant.scale.size, quant.quantized_dimension, len(tensor.shape)
    if quant.zero_point.size != scales:
        raise ModelError(f"{place}: {scales} scales, but {quant.zero_point.size} zero points")
    if axis < 0 or (rank and axis >= rank):
        raise ModelError(f"{place}: quantized_dimension {axis} of a tensor of shape {tensor.shape}")
    if scales > 1 and rank and scales != tensor.shape[axis]:
        raise ModelError(f"{place}: {scales} scales along dimension {axis} of shape {tensor.shape}")

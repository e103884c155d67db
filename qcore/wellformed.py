"""What must hold before a graph can be run at all: indices that exist, shapes, quantization parameters that fit.

A model that was loaded has its indices checked; one that was built or edited has not.

TFLite: core/interpreter_builder.cc (ParseQuantization)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qcore.errors import ModelError
from qcore.ir import Model, Operator, Subgraph, Tensor
from tflite_schema import BlockwiseQuantization

__all__ = ["Fault", "faults", "require_wellformed"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be, and where: at a tensor, at an operator, or at the graph's own inputs and outputs.

    quantization: a tensor's parameters contradict its shape, or each other.
    """

    place: str
    message: str
    tensor: int | None = None
    operator: int | None = None
    quantization: bool = False


def require_wellformed(model: Model, subgraph: int) -> None:
    """ModelError, with the place, where the graph refers to what does not exist or a tensor contradicts itself."""
    for fault in faults(model, subgraph):
        raise ModelError(f"{fault.place}: {fault.message}")


def faults(model: Model, subgraph: int) -> Iterator[Fault]:
    """All that cannot be in a graph; at most one fault of a tensor, of an operator, of the inputs, of the outputs."""
    graph, place = model.subgraphs[subgraph], f"subgraph {subgraph}"
    for name, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        message = _missing(graph, indices)
        if message:
            yield Fault(f"{place}, {name}", message)
    for index, tensor in enumerate(graph.tensors):
        message = _tensor(model, tensor)
        contradiction = None if message else _quantization(tensor)
        if message or contradiction:
            name = f"{place}, tensor {index} {tensor.name!r}"
            yield Fault(name, message or contradiction or "", tensor=index, quantization=message is None)
    for index, operator in enumerate(graph.operators):
        message = _operands(model, graph, operator)
        if message:
            yield Fault(f"{place}, operator {index} {operator.name}", message, operator=index)


def _operands(model: Model, graph: Subgraph, operator: Operator) -> str | None:
    message = (
        _missing(graph, operator.inputs, optional=True)
        or _missing(graph, operator.outputs)
        or _missing(graph, operator.intermediates, optional=True)
    )
    if message:
        return message
    for index in operator.outputs:
        tensor = graph.tensors[index]
        if 0 <= tensor.buffer < len(model.buffers) and model.is_constant(tensor):
            return f"the result is tensor {index}, whose value the file stores"
    return None


def _missing(graph: Subgraph, indices: tuple[int, ...], optional: bool = False) -> str | None:
    least, count = -1 if optional else 0, len(graph.tensors)
    for index in indices:
        if not least <= index < count:
            return f"tensor {index} does not exist; the graph has {count}"
    return None


def _tensor(model: Model, tensor: Tensor) -> str | None:
    if not 0 <= tensor.buffer < max(len(model.buffers), 1):
        return f"buffer {tensor.buffer} does not exist; the model has {len(model.buffers)}"
    if not all(0 <= size < 1 << 31 for size in tensor.shape):
        return f"shape {tensor.shape} has a negative dimension, or one beyond 32 bits"
    return None


def _quantization(tensor: Tensor) -> str | None:
    quant = tensor.quant
    if quant is None or not quant.is_quantized or isinstance(quant.details, BlockwiseQuantization):
        return None
    scales, axis, rank = quant.scale.size, quant.quantized_dimension, len(tensor.shape)
    if quant.zero_point.size != scales:
        return f"{scales} scales, but {quant.zero_point.size} zero points"
    if axis < 0 or (rank and axis >= rank):
        return f"quantized_dimension {axis} of a tensor of shape {tensor.shape}"
    if scales > 1 and rank and scales != tensor.shape[axis]:
        return f"{scales} scales along dimension {axis} of shape {tensor.shape}"
    return None

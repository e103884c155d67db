"""Graph edits: add tensors and constants, insert operators, cut a piece out, drop what nothing uses.

Edits append, so indices stay as they are until `prune` renumbers. Edits work in place on the model given; take
`model.copy()` first to keep the original.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from qcore.errors import ModelError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor, tensor_type
from tflite_schema import BlockwiseQuantization, MultiAxisQuantization, TensorType

__all__ = ["add_constant", "add_tensor", "extract", "insert_operator", "prune", "rewire"]


def add_tensor(graph: Subgraph, tensor: Tensor) -> int:
    """Append a tensor and return its index."""
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def add_constant(
    model: Model,
    graph: Subgraph,
    name: str,
    values: NDArray[Any],
    *,
    type_: TensorType | None = None,
    quant: QuantParams | None = None,
) -> int:
    """Append a tensor whose value is stored in a new buffer, and return its index."""
    buffer = model.add_buffer(values)
    return add_tensor(graph, Tensor(name, tuple(values.shape), type_ or tensor_type(values.dtype), buffer, quant))


def insert_operator(graph: Subgraph, position: int, operator: Operator) -> None:
    """Insert an operator before the one at `position` (at the end if equal to the number of operators)."""
    if not 0 <= position <= len(graph.operators):
        raise ModelError(f"cannot insert at {position}; the graph has {len(graph.operators)} operators")
    graph.operators.insert(position, operator)


def rewire(graph: Subgraph, old: int, new: int, *, operators: Iterable[int] | None = None) -> None:
    """Let operators (all, or those given) read tensor `new` where they read `old`."""
    for index in range(len(graph.operators)) if operators is None else operators:
        operator = graph.operators[index]
        operator.inputs = tuple(new if tensor == old else tensor for tensor in operator.inputs)


def extract(
    model: Model, operators: Sequence[int], *, subgraph: int = 0, outputs: Sequence[int] | None = None
) -> Model:
    """A model of its own with only these operators, in this order, of one graph.

    Its inputs are the tensors they read that are neither constant, variable nor made by one of them; its outputs are
    `outputs` (old tensor indices), by default what they make. Signatures are dropped.
    """
    result = model.copy()
    graph = result.subgraphs[subgraph]
    for index in operators:
        if not 0 <= index < len(graph.operators):
            raise ModelError(f"operator {index} does not exist; the graph has {len(graph.operators)}")
    chosen = [graph.operators[index] for index in operators]
    made = [tensor for op in chosen for tensor in op.outputs]
    needed = [
        tensor
        for op in chosen
        for tensor in op.inputs
        if tensor >= 0
        and tensor not in made
        and not result.is_constant(graph.tensors[tensor])
        and not graph.tensors[tensor].is_variable
    ]
    graph.operators = chosen
    graph.inputs = tuple(dict.fromkeys(needed))
    graph.outputs = tuple(made if outputs is None else outputs)
    result.signatures = []
    if subgraph != 0:
        result.subgraphs[0], result.subgraphs[subgraph] = result.subgraphs[subgraph], result.subgraphs[0]
    return prune(result)


def prune(model: Model) -> Model:
    """Drop tensors no operator or signature uses and buffers no tensor or metadata uses; renumber; return the model."""
    for index, graph in enumerate(model.subgraphs):
        _prune_tensors(model, index, graph)
    used = {0}
    used.update(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)
    used.update(int(entry.buffer) for entry in model.metadata)
    kept = [index for index in range(len(model.buffers)) if index in used]
    number = {old: new for new, old in enumerate(kept)}
    model.buffers = [model.buffers[index] for index in kept]
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = number[tensor.buffer]
    model.metadata = [entry.replace(buffer=number[int(entry.buffer)]) for entry in model.metadata]
    model.extra.pop("operator_codes", None)  # the list is made anew of the codes still in use
    return model


def _prune_tensors(model: Model, index: int, graph: Subgraph) -> None:
    signatures = [signature for signature in model.signatures if signature.subgraph_index == index]
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used.update((*operator.inputs, *operator.outputs, *operator.intermediates))
    for signature in signatures:
        used.update(int(entry.tensor_index) for entry in [*(signature.inputs or []), *(signature.outputs or [])])
    for tensor in sorted(used):
        used.update(_parameter_tensors(graph.tensors[tensor]).values() if tensor >= 0 else ())
    kept = [tensor for tensor in range(len(graph.tensors)) if tensor in used]
    number = {old: new for new, old in enumerate(kept)} | {-1: -1}

    def renumbered(tensors: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[tensor] for tensor in tensors)

    graph.tensors = [graph.tensors[tensor] for tensor in kept]
    for holder in graph.tensors:
        places = {field: number.get(place, place) for field, place in _parameter_tensors(holder).items()}
        if places and holder.quant is not None and holder.quant.details is not None:
            holder.quant = replace(holder.quant, details=holder.quant.details.replace(**places))
    graph.inputs, graph.outputs = renumbered(graph.inputs), renumbered(graph.outputs)
    for operator in graph.operators:
        operator.inputs, operator.outputs = renumbered(operator.inputs), renumbered(operator.outputs)
        operator.intermediates = renumbered(operator.intermediates)
    model.signatures = [
        signature
        if signature not in signatures
        else signature.replace(
            inputs=[e.replace(tensor_index=number[int(e.tensor_index)]) for e in signature.inputs or []],
            outputs=[e.replace(tensor_index=number[int(e.tensor_index)]) for e in signature.outputs or []],
        )
        for signature in model.signatures
    ]


def _parameter_tensors(tensor: Tensor) -> dict[str, int]:
    """The tensors that hold the scales and zero points of a tensor quantized block by block, by their field's name."""
    details = None if tensor.quant is None else tensor.quant.details
    if not isinstance(details, BlockwiseQuantization | MultiAxisQuantization):
        return {}
    return {"scales": details.scales} | ({"zero_points": details.zero_points} if details.zero_points > 0 else {})

"""The new graph from the program: its tensors, their names and buffers.

Each tensor has a buffer of its own, in the order of the tensors, behind the empty buffer 0. Variables leave theirs
unused, intermediate tensors have none.
TensorFlow: flatbuffer_export.cc; op_or_arg_name_mapper.cc
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qcore.ir import Model, QuantParams, Subgraph, Tensor
from qcore.numerics.packing import pack_int4
from qcore.op import Node, find
from qcore.quantizer.program import Program, Value
from tflite_schema import BuiltinOperator, SignatureDef, TensorMap, TensorType

__all__ = ["Names", "is_entry", "lay_out", "renumbered", "set_versions"]


class Names:
    """Unique names as the converter makes them: a name that is taken gets the next free number behind it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def reserve(self, name: str) -> str:
        """Take a name as it is, even if taken."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return name

    def unique(self, name: str) -> str:
        """The name itself if it is free, else with a number."""
        if name not in self._counts:
            return self.reserve(name)
        while True:
            probe = f"{name}{self._counts[name]}"
            self._counts[name] += 1
            if probe not in self._counts:
                return self.reserve(probe)


def is_entry(model: Model, subgraph: int) -> bool:
    """Whether a graph is run from outside: the main one, and those of signatures; operators run the others."""
    return subgraph == 0 or any(signature.subgraph_index == subgraph for signature in model.signatures)


def lay_out(
    result: Model, source: Model, subgraph: int, program: Program, order: list[Value | str], names: Names
) -> dict[int, int]:
    """Replace a graph of `result` by the program; old tensor index -> new, for inputs and outputs.

    order: the tensors to be; a string among them is a name that something which is no tensor takes away.
    """
    graph = source.subgraphs[subgraph]
    border = _border_names(program, graph, names) if is_entry(source, subgraph) else _arguments(program, graph, names)
    kinds = {value: f"tfl.{line.code.name.lower()}" for line in program.lines for value in line.outputs}
    inside = {value for line in program.lines for value in line.intermediates}
    tensors: list[Tensor] = []
    number: dict[Value, int] = {}
    for value in order:
        if isinstance(value, str):
            names.unique(value)
            continue
        kind = "arith.constant" if value.quantized is None else "tfl.pseudo_qconst"
        name = border.get(value) or names.unique(value.name or kinds.get(value, kind))
        number[value] = len(tensors)
        tensors.append(_tensor(result, source, value, name, has_values=value not in inside))
    operators = [
        replace(
            line.operator,
            inputs=tuple(-1 if value is None else number[value] for value in line.inputs),
            outputs=tuple(number[value] for value in line.outputs),
            intermediates=tuple(number[value] for value in line.intermediates),
            extra={key: item for key, item in line.operator.extra.items() if key != "opcode_index"},
        )
        for line in program.lines
    ]
    inputs, outputs = (tuple(number[value] for value in values) for values in (program.inputs, program.outputs))
    called = graph.name if subgraph or source.signatures else "main"
    result.subgraphs[subgraph] = replace(
        graph, name=called, tensors=tensors, operators=operators, inputs=inputs, outputs=outputs
    )
    return dict(zip((*graph.inputs, *graph.outputs), (*inputs, *outputs), strict=True))


def _border_names(program: Program, graph: Subgraph, names: Names) -> dict[Value, str]:
    """The inputs and outputs of an entry keep their names."""
    border: dict[Value, str] = {}
    for value, tensor in (
        *zip(program.inputs, graph.inputs, strict=True),
        *zip(program.outputs, graph.outputs, strict=True),
    ):
        border[value] = names.reserve(graph.tensors[tensor].name)
    return border


def _arguments(program: Program, graph: Subgraph, names: Names) -> dict[Value, str]:
    """The inputs of any other graph are called after it."""
    return {value: names.reserve(f"{graph.name}_arg{position}") for position, value in enumerate(program.inputs)}


def _tensor(result: Model, source: Model, value: Value, name: str, *, has_values: bool) -> Tensor:
    data = value.constant
    if not has_values:
        pass
    elif data is None and value.quantized is None and source.is_constant(value.tensor):
        result.buffers.append(source.buffers[value.tensor.buffer])
    elif data is None:
        result.buffers.append(None)
    else:
        result.add_buffer(pack_int4(data) if value.type == TensorType.INT4 else data)
    extra = {key: item for key, item in value.tensor.extra.items() if key != "absent"}
    if value.ranked:
        extra["has_rank"] = True
    quant: QuantParams | None = _no_parameters()
    if value.quantized is not None:
        quant = value.quantized.quant
    elif value.is_given:
        quant = value.tensor.quant
    elif not has_values:
        quant = _range_alone(value.tensor.quant)
    signature = value.tensor.shape_signature
    dynamic = signature is not None and -1 in signature
    return replace(
        value.tensor,
        name=name,
        shape=tuple(1 if n < 0 else n for n in signature) if signature and dynamic else value.tensor.shape,
        shape_signature=signature if dynamic else None,
        type=value.type,
        buffer=len(result.buffers) - 1 if has_values and not value.tensor.is_variable else 0,
        quant=quant,
        extra=extra,
    )


def _no_parameters() -> QuantParams:
    """The table the converter writes for tensors without parameters: present, and empty."""
    absent = {"absent": frozenset({"scale", "zero_point"})}
    return QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), extra=absent)


def _range_alone(quant: QuantParams | None) -> QuantParams | None:
    """What an intermediate tensor without parameters keeps: its range, if it has one."""
    return None if quant is None or quant.min is None else replace(_no_parameters(), min=quant.min, max=quant.max)


def set_versions(model: Model) -> None:
    """Give every operator the version that its types and options ask for.

    A file of the converter holds one version of each operator: the latest that any of them needs.
    """
    latest: dict[tuple[BuiltinOperator, str | None], int] = {}
    for subgraph, index, operator in model.walk():
        rule = find(operator.code, operator.custom_code).version
        key = operator.code, operator.custom_code
        latest[key] = max(latest.get(key, 1), rule(Node.of(model, subgraph, index)))
    for _, _, operator in model.walk():
        operator.version = latest[operator.code, operator.custom_code]


def renumbered(signature: SignatureDef, number: dict[int, int]) -> SignatureDef:
    """A signature that refers to the new tensors, its entries sorted by name."""

    def entries(old: list[TensorMap] | None) -> list[TensorMap]:
        moved = [entry.replace(tensor_index=number[int(entry.tensor_index)]) for entry in old or []]
        return sorted(moved, key=lambda entry: entry.name or "")

    return signature.replace(inputs=entries(signature.inputs), outputs=entries(signature.outputs))

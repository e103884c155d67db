"""The new graph from the program: which tensors there are, in which order, under which names, in which buffers.

Tensors stand in the converter's order: graph inputs; unquantized constants in the order of their first use; quantized
constants from the last use to the first; then the results of every operator. Each tensor has a buffer of its own, in
the same order, behind the empty buffer 0.
TensorFlow: flatbuffer_export.cc; op_or_arg_name_mapper.cc
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.op import Node, find
from qcore.quantizer.plan import Plan
from qcore.quantizer.rewrite import Program, Value
from tflite_schema import SignatureDef

__all__ = ["Names", "lay_out", "set_versions"]


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


def lay_out(result: Model, source: Model, plan: Plan, program: Program, names: Names) -> dict[int, int]:
    """Replace graph `plan.subgraph` of `result` by the program; old tensor index -> new, for inputs and outputs."""
    order = _order(program)
    number = {value: index for index, value in enumerate(order)}
    border = _border_names(program, plan, names)
    made_by = {value: line.code.name.lower() for line in program.lines for value in line.outputs}
    tensors = []
    for value in order:
        name = border.get(value) or names.unique(value.name or f"tfl.{made_by[value]}")
        tensors.append(_tensor(result, source, value, name))
    operators = [
        replace(
            line.operator,
            inputs=tuple(-1 if value is None else number[value] for value in line.inputs),
            outputs=tuple(number[value] for value in line.outputs),
            extra={key: item for key, item in line.operator.extra.items() if key != "opcode_index"},
        )
        for line in program.lines
    ]
    inputs, outputs = (tuple(number[value] for value in values) for values in (program.inputs, program.outputs))
    result.subgraphs[plan.subgraph] = replace(
        plan.graph, tensors=tensors, operators=operators, inputs=inputs, outputs=outputs
    )
    return dict(zip((*plan.graph.inputs, *plan.graph.outputs), (*inputs, *outputs), strict=True))


def _order(program: Program) -> list[Value]:
    results = [value for line in program.lines for value in line.outputs]
    known = {*program.inputs, *results}
    read = [value for line in program.lines for value in line.inputs if value is not None and value not in known]
    constants = list(dict.fromkeys([*read, *(value for value in program.outputs if value not in known)]))
    plain = [value for value in constants if value.quantized is None]
    quantized = [value for value in constants if value.quantized is not None]
    return [*dict.fromkeys(program.inputs), *plain, *quantized[::-1], *results]


def _border_names(program: Program, plan: Plan, names: Names) -> dict[Value, str]:
    """Graph inputs and outputs keep their names."""
    tensors = plan.graph.tensors
    border: dict[Value, str] = {}
    for value, tensor in (
        *zip(program.inputs, plan.graph.inputs, strict=True),
        *zip(program.outputs, plan.graph.outputs, strict=True),
    ):
        border[value] = names.reserve(tensors[tensor].name)
    return border


def _tensor(result: Model, source: Model, value: Value, name: str) -> Tensor:
    data = value.constant
    if data is None and value.quantized is None and source.is_constant(value.tensor):
        result.buffers.append(source.buffers[value.tensor.buffer])
    elif data is None:
        result.buffers.append(None)
    else:
        result.add_buffer(data)
    extra = {key: item for key, item in value.tensor.extra.items() if key != "absent"} | {"has_rank": True}
    quant = _no_parameters() if value.quantized is None else value.quantized.quant
    return replace(
        value.tensor, name=name, type=value.type, buffer=len(result.buffers) - 1, quant=quant, extra=extra
    )


def _no_parameters() -> QuantParams:
    """The table the converter writes for tensors without parameters: present, and empty."""
    absent = {"absent": frozenset({"scale", "zero_point"})}
    return QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), extra=absent)


def set_versions(model: Model, subgraph: int) -> None:
    """Give every operator the version that its types and options ask for."""
    graph = model.subgraphs[subgraph]
    for index, operator in enumerate(graph.operators):
        rule = find(operator.code, operator.custom_code).version
        operator.version = rule(Node.of(model, subgraph, index))


def renumbered(signature: SignatureDef, number: dict[int, int]) -> SignatureDef:
    """A signature that refers to the new tensors, its entries sorted by name."""

    def entries(old: list[object] | None) -> list[object]:
        moved = [entry.replace(tensor_index=number[int(entry.tensor_index)]) for entry in old or []]
        return sorted(moved, key=lambda entry: entry.name)

    return signature.replace(inputs=entries(signature.inputs), outputs=entries(signature.outputs))


def clear_opcodes(operators: list[Operator]) -> None:
    """Forget the positions of operator codes, so that the list is made anew in the order of use."""
    for operator in operators:
        operator.extra.pop("opcode_index", None)

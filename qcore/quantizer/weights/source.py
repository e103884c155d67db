"""A float graph as the program it is before anything is rewritten, and its constants in the converter's order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Model, Tensor
from qcore.quantizer.imported import complete, live_operators, merge_equal_constants, rules_of
from qcore.quantizer.program import Line, Program, Value
from qcore.quantizer.weights.base_names import BaseNames
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Block", "Source", "read_graph"]

Block = list[Value | Line | str]
"""What stands before a graph's operators: constants, the DEQUANTIZE of some, and a name an operand left off takes."""


@dataclass
class Source:
    """A graph of the float model; its values have the names they had before these were made unique.

    front, block: the constants and variables, without those that the file holds quantized; in front, those that another
    graph than the main one has copied from it. floats: the numbers of the float32 ones.
    """

    subgraph: int
    program: Program
    front: Block
    block: Block
    floats: dict[Value, NDArray[Any]]

    def place(self, line: Line) -> str:
        """How messages name an operator."""
        return f"subgraph {self.subgraph}, operator {self.program.lines.index(line)} {line.operator.name}"


def read_graph(model: Model, subgraph: int, names: BaseNames) -> Source:
    """The program of a graph; `model` gets a buffer for each constant that has to be added.

    UnsupportedError for an operator without an op file.
    """
    given = model.subgraphs[subgraph]
    graph = replace(given, tensors=[replace(tensor) for tensor in given.tensors], operators=live_operators(given))
    absent = complete(model, graph, rules_of(subgraph, graph.operators))
    merge_equal_constants(model, graph)
    values = [Value(tensor.name, tensor) for tensor in graph.tensors]
    for value, name in zip(values, names.names, strict=False):
        value.name = name if value.name else ""
    lines = [
        Line(
            replace(op, extra={"absent": frozenset(), **op.extra}),  # says that vectors are there, if empty
            [None if tensor < 0 else values[tensor] for tensor in op.inputs],
            [values[tensor] for tensor in op.outputs],
            intermediates=[values[tensor] for tensor in op.intermediates],
        )
        for op in graph.operators
    ]
    program = Program([values[t] for t in graph.inputs], lines, [values[t] for t in graph.outputs])
    for line in lines:
        _share_name(line, program)
    read = program.readers()
    states = _states(lines)
    constants = [v for v in values if (model.is_constant(v.tensor) and not v.is_given) or v in states]
    copied = {value for value in constants if _is_copied(model, subgraph, value.tensor)}
    block: Block = [v for v in constants if v in read or (v in copied and not _is_float(v))]
    if names.absent is not None and values[names.absent.tensor] in block:
        place = block.index(values[names.absent.tensor]) + (not names.absent.before)
        block.insert(place, names.absent.name)
    elif absent is not None and all(line.code != BuiltinOperator.TRANSPOSE_CONV for line in lines):
        block.insert(0, absent)
    front: Block = [item for item in block if subgraph != 0 and item in copied]
    block = [item for item in block if item not in front]
    floats = {value: _numbers(model, value.tensor) for value in constants if value in read and _is_float(value)}
    return Source(subgraph, program, front, block, floats)


def _share_name(line: Line, program: Program) -> None:
    """All results of an operator are named alike; graph outputs say nothing about the operator's name."""
    if len(line.outputs) > 1:
        named = [value for value in line.outputs if value not in program.outputs] or line.outputs
        name = ";".join(dict.fromkeys(value.name for value in named))
        for value in line.outputs:
            value.name = name


def _states(lines: list[Line]) -> set[Value]:
    """The first variable of each shape: to the converter a constant of zeros, of which the others are late copies."""
    first: dict[tuple[Any, ...], Value] = {}
    for line in lines:
        for value in line.inputs:
            if value is not None and value.tensor.is_variable:
                first.setdefault((value.tensor.type, value.tensor.shape), value)
    return set(first.values())


def _is_copied(model: Model, subgraph: int, constant: Tensor) -> bool:
    """Whether a constant is in the main graph and in others: their copies of one that the converter had once."""
    return any(
        tensor.buffer == constant.buffer and (tensor.type, tensor.shape) == (constant.type, constant.shape)
        for index, graph in enumerate(model.subgraphs)
        if index != subgraph and 0 in (index, subgraph)
        for tensor in graph.tensors
    )


def _is_float(value: Value) -> bool:
    """Whether a constant is float32 and stored in full."""
    return value.tensor.type == TensorType.FLOAT32 and value.tensor.extra.get("sparsity") is None


def _numbers(model: Model, tensor: Tensor) -> NDArray[Any]:
    """What a constant holds, or a variable at first."""
    numbers = model.constant(tensor)
    return np.zeros(tensor.shape, np.float32) if numbers is None else numbers

"""A float graph as the converter takes it in: nothing dead, nothing left off, every constant once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from qcore.edit import add_constant
from qcore.errors import UnsupportedError
from qcore.ir import Model, Operator, Subgraph
from qcore.op import find
from qcore.rules import Rules
from tflite_schema import BuiltinOperator

__all__ = ["Use", "complete", "live_operators", "location", "merge_equal_constants", "rules_of"]

Use = tuple[int, int]
"""(operator index, operand position)."""

_SIDE_EFFECTS = frozenset(
    {BuiltinOperator.CUSTOM, BuiltinOperator.IF, BuiltinOperator.WHILE, BuiltinOperator.CALL_ONCE}
    | {code for code in BuiltinOperator if any(word in code.name for word in ("VARIABLE", "VAR_HANDLE", "HASHTABLE"))}
)
"""Operators that do something even if nothing reads their results."""


def rules_of(subgraph: int, operators: list[Operator]) -> list[Rules]:
    """The rules of each operator; UnsupportedError for one without an op file."""
    rules = []
    for index, operator in enumerate(operators):
        try:
            rules.append(find(operator.code, operator.custom_code).rules.of(operator))
        except UnsupportedError as error:
            place = f"subgraph {subgraph}, operator {index} {operator.name}"
            raise UnsupportedError(f"{place}: {error}; without its rules it cannot be quantized") from None
    return rules


def location(graph: Subgraph, operator: Operator) -> str:
    """What the converter calls an operator, and all its results: their names, joined."""
    return ";".join(dict.fromkeys(graph.tensors[tensor].name for tensor in operator.outputs))


def live_operators(graph: Subgraph) -> list[Operator]:
    """Copies of the operators of which something is used."""
    needed = set(graph.outputs)
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs) or operator.code in _SIDE_EFFECTS or not operator.outputs:
            needed.update(operator.inputs)
            kept.append(replace(operator))
    return kept[::-1]


def complete(model: Model, graph: Subgraph, rules: list[Rules]) -> str | None:
    """Spell out what a file may leave off: an optional bias (the converter writes -1), the shape of RESHAPE.

    Returns the name that a single bias left off takes away from the tensors.
    """
    explicit = any(tensor < 0 for operator in graph.operators for tensor in operator.inputs)
    padded = []
    for operator, rule in zip(graph.operators, rules, strict=True):
        bias = rule.bias_operand
        if bias is not None and len(operator.inputs) == bias[0]:
            operator.inputs = (*operator.inputs, -1)
            padded.append(operator)
        elif operator.code == BuiltinOperator.RESHAPE:
            if len(operator.inputs) == 1 and operator.options is not None:
                values = np.array(operator.options.new_shape, np.int32)
                name = graph.tensors[operator.outputs[0]].name
                operator.inputs = (*operator.inputs, add_constant(model, graph, name, values))
            operator.options = None
        if operator.code == BuiltinOperator.TRANSPOSE_CONV and operator.inputs[-1] < 0:
            operator.inputs = operator.inputs[:-1]
    if len(padded) == 1 and not explicit:
        return location(graph, padded[0])
    return None


def merge_equal_constants(model: Model, graph: Subgraph, keep: Collection[int] = ()) -> dict[int, list[Use]]:
    """Let operators read one constant where several hold the same; what was merged has no name of its own.

    keep: tensors that are left as they are.
    Returns the uses that were moved to each constant, last one first: they are dealt with before the constant's own.
    """
    merged: dict[int, list[Use]] = {}
    first = dict[tuple[Any, ...], int]()
    for index, operator in enumerate(graph.operators):
        for position, tensor in enumerate(operator.inputs):
            constant = graph.tensors[tensor]
            data = model.buffers[constant.buffer] if tensor >= 0 and model.is_constant(constant) else None
            if data is None or tensor in keep or (constant.quant is not None and constant.quant.is_quantized):
                continue
            kept = first.setdefault((constant.type, constant.shape, data.tobytes()), tensor)
            if kept != tensor:
                graph.tensors[kept].name = ""
                operator.inputs = (*operator.inputs[:position], kept, *operator.inputs[position + 1 :])
                merged.setdefault(kept, []).insert(0, (index, position))
    return merged

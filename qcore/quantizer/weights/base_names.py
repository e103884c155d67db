"""The names that tensors had before the converter made them unique.

The converter names a tensor after the operator or constant it stems from; a name that is taken gets a number behind it
(`layout.Names`). A weight and the operator that reads it often have one name, so a file holds `dense/MatMul` and
`dense/MatMul1`. Once constants change their places, the numbers change theirs.

A bias left off takes a name away as well, if it is the only operand left off in its graph: that of the operator, which
the weight mostly has too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from qcore.ir import Model, Subgraph
from tflite_schema import BuiltinOperator

__all__ = ["Absent", "BaseNames", "base_names"]

_NUMBERED = re.compile(r"[1-9][0-9]*$")
_NAMELESS = re.compile(r"arith\.constant[0-9]*$")
_OPERATOR = re.compile(r"(.*/)?MatMul(_[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Absent:
    """A name that a bias left off takes: right before or right behind the weight `tensor`."""

    name: str
    tensor: int
    before: bool


@dataclass
class BaseNames:
    """Per tensor of a graph, its name without the number; "" for constants that had none."""

    names: list[str] = field(default_factory=list)
    absent: Absent | None = None


def base_names(model: Model) -> list[BaseNames]:
    """The names of each graph, read in the order in which the converter gave them."""
    counts: dict[str, int] = {}
    return [_of_graph(model, subgraph, counts) for subgraph in range(len(model.subgraphs))]


def _of_graph(model: Model, subgraph: int, counts: dict[str, int]) -> BaseNames:
    graph = model.subgraphs[subgraph]
    is_entry = subgraph == 0 or any(signature.subgraph_index == subgraph for signature in model.signatures)
    border = (*graph.inputs, *(graph.outputs if is_entry else ()))
    for index in border:
        _count(counts, graph.tensors[index].name)
    weight = _weight_without_bias(model, graph)
    result = BaseNames()
    for index, tensor in enumerate(graph.tensors):
        if index in border:
            result.names.append(tensor.name)
            continue
        base, skipped = _base(tensor.name, counts, may_skip=index == weight)
        if skipped:
            result.absent = Absent(base, index, before=True)
            _count(counts, base)
        if base != tensor.name:
            counts[base] = int(tensor.name[len(base) :]) + 1
        _count(counts, tensor.name)
        if index == weight and not skipped and _OPERATOR.match(base):
            result.absent = Absent(base, index, before=False)
            counts[f"{base}{counts[base]}"] = 1
        stored = model.is_constant(tensor) or tensor.is_variable
        result.names.append("" if stored and _NAMELESS.match(base) else base)
    return result


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _weight_without_bias(model: Model, graph: Subgraph) -> int | None:
    """The constant weight of the FULLY_CONNECTED that has the only operand left off in the graph."""
    left_off = [op for op in graph.operators for tensor in op.inputs if tensor < 0]
    if len(left_off) != 1 or left_off[0].code != BuiltinOperator.FULLY_CONNECTED:
        return None
    weight = left_off[0].inputs[1]
    return weight if weight >= 0 and model.is_constant(graph.tensors[weight]) else None


def _base(name: str, counts: dict[str, int], *, may_skip: bool) -> tuple[str, bool]:
    """The name without its number, and whether the number before it is missing."""
    for base, number in _splits(name):
        expected = counts.get(base, 0)
        while expected and f"{base}{expected}" in counts:
            expected += 1
        if expected and expected == number:
            return base, False
        if may_skip and number == expected + 1:
            return base, True
    return name, False


def _splits(name: str) -> Iterator[tuple[str, int]]:
    """Every way to read a number at the end of a name, the shortest number first."""
    for start in range(len(name) - 1, 0, -1):
        if not name[start].isdecimal():
            return
        if _NUMBERED.match(name[start:]):
            yield name[:start], int(name[start:])

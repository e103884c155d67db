"""`diff`: what two model files say differently, operator by operator, whatever was inserted or renamed.

Numbering of tensors and buffers, and the order of what does not depend on each other, are no difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qcore.auditor.differ.alignment import Correspondence, align, constant_behind
from qcore.auditor.differ.change import Change, operator_changes, tensor_changes
from qcore.errors import QCoreError
from qcore.ir import Model, Operator, Subgraph
from qcore.op import find
from qcore.rules import Bias, Weight
from qcore.tflite import load

__all__ = ["Diff", "GraphDiff", "OperatorDiff", "diff", "role"]

ModelLike = str | os.PathLike[str] | bytes | Model


@dataclass(frozen=True, slots=True)
class OperatorDiff:
    """An operator of one graph or both: its index in a, in b (None: it is not there), and what differs."""

    a: int | None
    b: int | None
    name: str
    result: str
    changes: tuple[Change, ...] = ()

    @property
    def status(self) -> str:
        """added, removed, changed, renamed (nothing else than names differs) or same."""
        if self.a is None or self.b is None:
            return "added" if self.a is None else "removed"
        if not self.changes:
            return "same"
        return "renamed" if all(change.what == "name" for change in self.changes) else "changed"


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """One subgraph: its inputs and outputs, and its operators in an order that suits both."""

    subgraph: int
    borders: tuple[Change, ...]
    operators: tuple[OperatorDiff, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """model: what differs outside of the graphs; graphs: those that both models have."""

    model: tuple[Change, ...]
    graphs: tuple[GraphDiff, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs, names included."""
        return not self.model and all(
            not graph.borders and all(op.status == "same" for op in graph.operators) for graph in self.graphs
        )

    @property
    def same_but_names(self) -> bool:
        """Whether nothing but names of tensors differs."""
        return not self.model and all(
            all(change.what == "name" for change in graph.borders)
            and all(op.status in ("same", "renamed") for op in graph.operators)
            for graph in self.graphs
        )

    def count(self, status: str) -> int:
        """How many operators are added, removed, changed, renamed or same."""
        return sum(op.status == status for graph in self.graphs for op in graph.operators)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "same": self.same,
            "same_but_names": self.same_but_names,
            "model": list(self.model),
            "graphs": [
                {
                    "subgraph": graph.subgraph,
                    "borders": list(graph.borders),
                    "operators": [
                        {
                            "a": op.a,
                            "b": op.b,
                            "name": op.name,
                            "result": op.result,
                            "status": op.status,
                            "changes": list(op.changes),
                        }
                        for op in graph.operators
                    ],
                }
                for graph in self.graphs
            ],
        }


def diff(a: ModelLike, b: ModelLike) -> Diff:
    """What differs between two models; either may be float. Raises ModelError for a file that cannot be read."""
    first, second = (source if isinstance(source, Model) else load(source) for source in (a, b))
    graphs = [_graph(first, second, index) for index in range(min(len(first.subgraphs), len(second.subgraphs)))]
    return Diff(tuple(_outside(first, second)), tuple(graphs))


def _outside(a: Model, b: Model) -> Iterator[Change]:
    said = [
        {
            "description": m.description or "",
            "subgraphs": str(len(m.subgraphs)),
            "signatures": ", ".join(sorted(str(s.signature_key) for s in m.signatures)),
            "metadata": ", ".join(sorted(str(entry.name) for entry in m.metadata)),
        }
        for m in (a, b)
    ]
    for what, left in said[0].items():
        if left != said[1][what]:
            yield Change("model", what, left, said[1][what])


def _graph(a: Model, b: Model, index: int) -> GraphDiff:
    left, right = a.subgraphs[index], b.subgraphs[index]
    both = align(left, right)
    borders = [
        change
        for side, of_a, of_b in (("input", left.inputs, right.inputs), ("output", left.outputs, right.outputs))
        for change in _border(a, left, of_a, b, right, of_b, side, both)
    ]
    operators = []
    for i, j in both.operators:
        graph, at = (left, i) if j is None else (right, j)
        assert at is not None
        op = graph.operators[at]
        result = graph.tensors[op.outputs[0]].name if op.outputs and op.outputs[0] >= 0 else ""
        changes = () if i is None or j is None else tuple(_operator(a, b, both, i, j))
        operators.append(OperatorDiff(i, j, op.name, result, changes))
    return GraphDiff(index, tuple(borders), tuple(operators))


def _border(
    a: Model,
    left: Subgraph,
    of_a: tuple[int, ...],
    b: Model,
    right: Subgraph,
    of_b: tuple[int, ...],
    side: str,
    both: Correspondence,
) -> Iterator[Change]:
    if len(of_a) != len(of_b):
        yield Change(f"{side}s", "number", str(len(of_a)), str(len(of_b)))
    for position, (i, j) in enumerate(zip(of_a, of_b, strict=False)):
        yield from tensor_changes(f"{side} {position}", a, left.tensors[i], b, right.tensors[j])
        if side == "output" and not both.same_source(i, j):
            yield Change(f"{side} {position}", "source", left.tensors[i].name, right.tensors[j].name)


def _operator(a: Model, b: Model, both: Correspondence, i: int, j: int) -> Iterator[Change]:
    """The changes of a matched operator: its own, those of its constants, of what it reads, and of its results."""
    left, right = both.a.operators[i], both.b.operators[j]
    yield from operator_changes(left, right)
    if len(left.inputs) != len(right.inputs):
        yield Change("operator", "operands", str(len(left.inputs)), str(len(right.inputs)))
    for position, (s, t) in enumerate(zip(left.inputs, right.inputs, strict=False)):
        where = role(left, position)
        if s < 0 or t < 0:
            if s != t:
                yield Change(where, "operand", _name(both.a, s), _name(both.b, t))
            continue
        constants = constant_behind(a, both.a, s, both.producers_a), constant_behind(b, both.b, t, both.producers_b)
        if constants[0] is None and constants[1] is None:
            if not both.same_source(s, t):
                yield Change(where, "source", both.a.tensors[s].name, both.b.tensors[t].name)
            continue
        one, other = (k if c is None else c for k, c in ((s, constants[0]), (t, constants[1])))
        yield from tensor_changes(where, a, both.a.tensors[one], b, both.b.tensors[other])
    for position, (s, t) in enumerate(zip(left.outputs, right.outputs, strict=False)):
        where = "result" if len(left.outputs) == 1 else f"result {position}"
        if s >= 0 and t >= 0:
            yield from tensor_changes(where, a, both.a.tensors[s], b, both.b.tensors[t])


def _name(graph: Subgraph, tensor: int) -> str:
    return "none" if tensor < 0 else graph.tensors[tensor].name


def role(operator: Operator, position: int) -> str:
    """What an operand is called: weights, bias, or by its position."""
    try:
        rules = find(operator.code, operator.custom_code).rules.inputs
    except QCoreError:  # an operator that qcore does not know has operands all the same
        rules = ()
    rule = rules[position] if position < len(rules) else None
    if isinstance(rule, Weight | Bias) and sum(isinstance(r, type(rule)) for r in rules) == 1:
        return "weights" if isinstance(rule, Weight) else "bias"
    return f"operand {position}"

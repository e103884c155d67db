"""`diff`: what two model files say differently, operator by operator, whatever was inserted or renamed.

Numbering of tensors and buffers, the order of what does not depend on each other, and what no operator uses are no
difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qcore.auditor.differ.alignment import Correspondence, align, constant_behind
from qcore.auditor.differ.change import Change, extra_changes, operator_changes, tensor_changes
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
    said = [_said(m) for m in (a, b)]
    for what in sorted({*said[0], *said[1]}):
        left, right = (side.get(what, "none") for side in said)
        if left != right:
            yield Change("model", what, left, right)
    held = [{str(entry.name): _bytes(m, int(entry.buffer)) for entry in m.metadata} for m in (a, b)]
    for name in sorted(held[0].keys() & held[1].keys()):
        if held[0][name] != held[1][name]:
            yield Change("model", f"metadata {name}", f"{len(held[0][name])} bytes", f"{len(held[1][name])} bytes")
    yield from extra_changes("model", a.extra, b.extra)


def _bytes(m: Model, buffer: int) -> bytes:
    data = m.buffers[buffer] if 0 <= buffer < len(m.buffers) else None
    return b"" if data is None else data.tobytes()


def _said(m: Model) -> dict[str, str]:
    """What a model says outside of its graphs; signatures by the places of their tensors in the graph's borders."""
    found = {
        "description": m.description or "",
        "subgraphs": str(len(m.subgraphs)),
        "metadata": ", ".join(sorted(str(entry.name) for entry in m.metadata)),
    }
    for signature in m.signatures:
        index = int(signature.subgraph_index)
        graph = m.subgraphs[index] if 0 <= index < len(m.subgraphs) else None
        sides = [(signature.inputs, graph.inputs), (signature.outputs, graph.outputs)] if graph is not None else []
        named = [sorted(f"{e.name} = {_place(e.tensor_index, border)}" for e in some or []) for some, border in sides]
        text = " -> ".join(f"({', '.join(names)})" for names in named)
        found[f"signature {signature.signature_key}"] = f"subgraph {index} {text}"
    return found


def _place(tensor: int, border: tuple[int, ...]) -> str:
    return str(border.index(tensor)) if tensor in border else "another tensor"


def _graph(a: Model, b: Model, index: int) -> GraphDiff:
    left, right = a.subgraphs[index], b.subgraphs[index]
    both = align(left, right)
    borders = [
        change
        for side, of_a, of_b in (("input", left.inputs, right.inputs), ("output", left.outputs, right.outputs))
        for change in _border(a, left, of_a, b, right, of_b, side, both)
    ]
    borders += extra_changes("graph", left.extra, right.extra)
    if (left.name or "") != (right.name or ""):
        borders.append(Change("graph", "name", left.name or "", right.name or ""))
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
        one, other = (
            constant_behind(model, graph, tensor, producers)
            for model, graph, tensor, producers in ((a, both.a, s, both.producers_a), (b, both.b, t, both.producers_b))
        )
        if one is None and other is None and not both.of_nobody(s, t):
            if not both.same_source(s, t):
                yield Change(where, "source", both.a.tensors[s].name, both.b.tensors[t].name)
            continue
        ours, theirs = s if one is None else one, t if other is None else other
        yield from tensor_changes(where, a, both.a.tensors[ours], b, both.b.tensors[theirs])
    if len(left.outputs) != len(right.outputs):
        yield Change("operator", "results", str(len(left.outputs)), str(len(right.outputs)))
    for position, (s, t) in enumerate(zip(left.outputs, right.outputs, strict=False)):
        where = "result" if len(left.outputs) == 1 else f"result {position}"
        if s >= 0 and t >= 0:
            yield from tensor_changes(where, a, both.a.tensors[s], b, both.b.tensors[t])
    yield from _intermediates(a, b, both, left, right)


def _intermediates(a: Model, b: Model, both: Correspondence, left: Operator, right: Operator) -> Iterator[Change]:
    if len(left.intermediates) != len(right.intermediates):
        yield Change("operator", "intermediates", str(len(left.intermediates)), str(len(right.intermediates)))
    for position, (s, t) in enumerate(zip(left.intermediates, right.intermediates, strict=False)):
        if s >= 0 and t >= 0:
            yield from tensor_changes(f"intermediate {position}", a, both.a.tensors[s], b, both.b.tensors[t])
        elif s != t:
            yield Change(f"intermediate {position}", "operand", _name(both.a, s), _name(both.b, t))


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

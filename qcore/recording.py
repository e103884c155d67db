"""The recording trace: keeps the named steps that a kernel hands through `ctx.trace`.

There is no second implementation to explain the first: a recorded value is the value the kernel went on with.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["NodeTrace", "Recording"]

V = TypeVar("V")


@dataclass(slots=True)
class NodeTrace:
    """A `Trace` for one node: name -> value, in the order the kernel computed them; the last write of a name stays."""

    steps: dict[str, Any] = field(default_factory=dict)
    recording: bool = True

    def __call__(self, name: str, value: V) -> V:
        """Keep `value` under `name` and return it unchanged."""
        self.steps[name] = value
        return value


@dataclass(slots=True)
class Recording:
    """The steps of a run, by (subgraph, operator index). `only` limits it to some operators."""

    only: Collection[tuple[int, int]] | None = None
    nodes: dict[tuple[int, int], NodeTrace] = field(default_factory=dict)

    def wants(self, subgraph: int, operator: int) -> bool:
        """Whether this operator is to be recorded."""
        return self.only is None or (subgraph, operator) in self.only

    def at(self, subgraph: int, operator: int) -> NodeTrace:
        """A fresh trace for this operator (a repeated run of a loop body replaces the one before)."""
        trace = self.nodes[subgraph, operator] = NodeTrace()
        return trace

    def steps(self, operator: int, subgraph: int = 0) -> dict[str, Any]:
        """The recorded steps of an operator; empty if it did not run or records none."""
        trace = self.nodes.get((subgraph, operator))
        return {} if trace is None else trace.steps

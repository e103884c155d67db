"""What an audit says about one place of a model: a stable code, how bad it is, the evidence in numbers, what to do.

Every code is a `Check`, declared where it is checked; it has a page `docs/findings/<code>.md`. QL: seen in the file
alone (lint). QP: proved from the weights. QD: measured with data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from qcore.ir import Model

__all__ = ["Check", "Finding", "Place", "Severity", "counted", "worst_first"]

_SHORT = 48


class Severity(IntEnum):
    """note: worth knowing. warning: costs accuracy, or some runtime refuses it. error: wrong numbers, or no run."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked for. code: never given to another check; title: the finding in a few words."""

    code: str
    severity: Severity
    title: str

    @property
    def page(self) -> str:
        """Its page in the documentation."""
        return f"docs/findings/{self.code}.md"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model: an operator, a tensor, both, or neither (the model itself)."""

    subgraph: int = 0
    operator: int | None = None
    operator_name: str | None = None
    tensor: int | None = None
    tensor_name: str | None = None

    @classmethod
    def of(cls, model: Model, *, subgraph: int = 0, operator: int | None = None, tensor: int | None = None) -> Place:
        """The place, with the names that the model has for it."""
        graph = model.subgraphs[subgraph]
        return cls(
            subgraph,
            operator,
            None if operator is None else graph.operators[operator].name,
            tensor,
            None if tensor is None else graph.tensors[tensor].name,
        )

    @property
    def short(self) -> str:
        """The place where room is scarce: of a name that the converter joined from what it fused, the last part."""
        name = (self.tensor_name or "").rpartition(";")[2]
        return str(replace(self, tensor_name=name if len(name) <= _SHORT else "…" + name[-_SHORT:]))

    def __str__(self) -> str:
        parts = [] if self.subgraph == 0 else [f"subgraph {self.subgraph}"]
        if self.operator is not None:
            parts.append(f"operator {self.operator} {self.operator_name}")
        if self.tensor is not None:
            parts.append(f"tensor {self.tensor} {self.tensor_name}")
        return ", ".join(parts) or "model"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that fired. message: one sentence with the numbers; evidence: the same numbers for machines.

    advice: what to do about it. fixable: whether `qcore audit --fix` mends it without data. severity: the check's own
    unless the evidence makes it better or worse.
    """

    check: Check
    place: Place
    message: str
    advice: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    fixable: bool = False
    severity: Severity = Severity.NOTE

    @classmethod
    def of(
        cls, check: Check, place: Place, message: str, advice: str, /, fixable: bool = False, **evidence: Any
    ) -> Finding:
        """A finding with its check's own severity."""
        return cls(check, place, message, advice, evidence, fixable, check.severity)

    @property
    def code(self) -> str:
        """The check's code."""
        return self.check.code

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "title": self.check.title,
            "subgraph": self.place.subgraph,
            "operator": self.place.operator,
            "operator_name": self.place.operator_name,
            "tensor": self.place.tensor,
            "tensor_name": self.place.tensor_name,
            "message": self.message,
            "evidence": dict(self.evidence),
            "advice": self.advice,
            "fixable": self.fixable,
            "page": self.check.page,
        }


def counted(count: int, word: str) -> str:
    """A number and a word: 1 error, 2 errors."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then code, then place in the graph."""

    def key(finding: Finding) -> tuple[int, str, int, int, int]:
        place = finding.place
        operator = -1 if place.operator is None else place.operator
        return (-finding.severity, finding.code, place.subgraph, operator, -1 if place.tensor is None else place.tensor)

    return sorted(findings, key=key)

"""What every form of the report is made from: facts, verdict, findings and operators of one audited model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qcore.auditor.finding import Finding, Severity, counted, worst_first
from qcore.auditor.report.operator_view import OperatorView

__all__ = ["Report", "Table"]

_FLOAT32 = 100.0
"""Decibels beyond which the float model's own rounding is as large."""


@dataclass(frozen=True, slots=True)
class Table:
    """Words and numbers in rows, for what is no finding and no chart."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Report:
    """title: the model's name; facts: (name, value) pairs in words; findings worst first; operators in graph order."""

    title: str
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Finding]
    operators: Sequence[OperatorView]
    tables: Sequence[Table] = ()

    def count(self, severity: Severity) -> int:
        """How many findings are that severe."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.findings:
            return "Nothing was found."
        counts = Counter(finding.severity for finding in self.findings)
        words = [counted(counts[severity], str(severity)) for severity in sorted(counts, reverse=True)]
        worst = worst_first(self.findings)[0]
        return f"{', '.join(words)}. Worst: {worst.check.title} ({worst.place.short})."

    @property
    def status(self) -> str:
        """The worst severity, or "clean"."""
        return str(max(finding.severity for finding in self.findings)) if self.findings else "clean"

    @property
    def noisiest(self) -> list[OperatorView]:
        """The operators whose own noise is largest, first; those that were measured, and are noisier than float32."""
        measured = [(v.noise.local, v) for v in self.operators if v.noise is not None and v.noise.local < _FLOAT32]
        return [view for _, view in sorted(measured, key=lambda pair: pair[0])]

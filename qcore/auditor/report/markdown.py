"""The report as Markdown, short enough for a CI job's summary."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qcore.auditor.report.report import Report

__all__ = ["escaped", "render_markdown"]

_MOST = 50
"""Findings listed before the rest is only counted."""


def render_markdown(report: Report) -> str:
    """Verdict, facts, findings and, where it was measured, the operators that lose most."""
    lines = [f"# Audit of {escaped(report.title)}", "", f"**{report.status}**: {escaped(report.verdict)}", ""]
    lines += [f"- {escaped(name)}: {escaped(value)}" for name, value in report.facts]
    if report.findings:
        lines += ["", "| severity | code | place | finding | what to do |", "|---|---|---|---|---|"]
        lines += [
            f"| {f.severity} | {f.code} | {escaped(f.place.short)} | {escaped(f.message)} | {escaped(f.advice)} |"
            for f in report.findings[:_MOST]
        ]
        if len(report.findings) > _MOST:
            lines += ["", f"and {len(report.findings) - _MOST} more."]
    if report.noisiest:
        lines += ["", "| operator | own SQNR | accumulated | largest cause |", "|---|---:|---:|---|"]
        for view in report.noisiest[:10]:
            assert view.noise is not None
            parts = view.noise.parts
            cause = max(parts, key=lambda name: abs(parts[name])) if parts else ""
            lines.append(
                f"| {view.index} {escaped(view.name)} | {view.noise.local:.1f} dB | {view.noise.accumulated:.1f} dB "
                f"| {escaped(cause)} |"
            )
    for table in report.tables:
        lines += ["", f"## {escaped(table.title)}", "", _row(table.columns), "|---" * len(table.columns) + "|"]
        lines += [_row(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def escaped(text: str) -> str:
    """Text of a file as text: one line, nothing in it is markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))

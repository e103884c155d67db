"""The report as Markdown, short enough for a CI job's summary."""

from __future__ import annotations

import re

from qcore.auditor.report.report import Report

__all__ = ["render_markdown"]

_MOST = 50
"""Findings listed before the rest is only counted."""


def render_markdown(report: Report) -> str:
    """Verdict, facts, findings and, where it was measured, the operators that lose most."""
    lines = [f"# Audit of {_text(report.title)}", "", f"**{report.status}**: {_text(report.verdict)}", ""]
    lines += [f"- {_text(name)}: {_text(value)}" for name, value in report.facts]
    if report.findings:
        lines += ["", "| severity | code | place | finding | what to do |", "|---|---|---|---|---|"]
        lines += [
            f"| {f.severity} | {f.code} | {_text(f.place.short)} | {_text(f.message)} | {_text(f.advice)} |"
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
                f"| {view.index} {_text(view.name)} | {view.noise.local:.1f} dB | {view.noise.accumulated:.1f} dB "
                f"| {_text(cause)} |"
            )
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """Text of a file as text: one line, nothing in it is markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))

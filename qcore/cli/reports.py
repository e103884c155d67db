"""The files that `qcore audit` writes beside what it prints: HTML, Markdown, node data for Model Explorer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.report.markdown import render_markdown
from qcore.auditor.report.model_explorer import METRICS, node_data
from qcore.auditor.report.page import environment, render_page
from qcore.auditor.report.report import Report
from qcore.cli.console import fail, guard
from qcore.files import replace_file
from qcore.ir import Model

__all__ = ["HtmlOption", "MarkdownOption", "MetricOption", "ModelExplorerOption", "Reports"]

HtmlOption = Annotated[
    Path | None, typer.Option("--html", help="Write the report as one page that opens offline.", show_default=False)
]
MarkdownOption = Annotated[
    Path | None, typer.Option("--markdown", help="Write the report as Markdown, for a CI summary.", show_default=False)
]
ModelExplorerOption = Annotated[
    Path | None,
    typer.Option("--model-explorer", help="Write --metric as Model Explorer's node data.", show_default=False),
]
MetricOption = Annotated[
    str,
    typer.Option("--metric", help=f"What --model-explorer draws: {', '.join(METRICS)}; SQNR needs --float and --data."),
]


@dataclass(frozen=True, slots=True)
class Reports:
    """Where to write what; None: not at all."""

    html: Path | None
    markdown: Path | None
    model_explorer: Path | None
    metric: str

    def check(self, force: bool) -> None:
        """Refuse before the work what could not be written after it."""
        for path in self.paths:
            if path is not None:
                guard(path, force)
        if self.metric not in METRICS:
            raise fail(f"no metric {self.metric!r}; there are {', '.join(METRICS)}")
        if self.html is not None:
            environment("jinja2", "plotly")

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """Where each goes."""
        return (self.html, self.markdown, self.model_explorer)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to write."""
        return any(path is not None for path in self.paths)

    def write(self, report: Report, model: Model) -> list[Path]:
        """Write them all; nothing is written where one of them cannot be made."""
        texts = {}
        if self.html is not None:
            texts[self.html] = render_page(report)
        if self.markdown is not None:
            texts[self.markdown] = render_markdown(report)
        if self.model_explorer is not None:
            texts[self.model_explorer] = json.dumps(node_data(report, model, self.metric), indent=1)
        for path, text in texts.items():
            replace_file(path, text.encode("utf-8"))
        return list(texts)

"""`qcore audit MODEL`: what is wrong with a quantized model, or will surprise, worst first."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.audit import Audit, audit
from qcore.auditor.finding import Finding, Severity, counted
from qcore.auditor.lint.repair import fix
from qcore.auditor.lint.target import Target
from qcore.auditor.report.assembly import assemble
from qcore.cli.console import FINDING, OK, errors, fail, guard, guard_distinct, out, print_json, progress_bar
from qcore.cli.ledger_table import print_ledger
from qcore.cli.measurement import DataOption, DebuggerOption, FloatOption, Measurement, WorstOption
from qcore.cli.reports import HtmlOption, MarkdownOption, MetricOption, ModelExplorerOption, Reports
from qcore.cli.source import HELP, file_size, read_model
from qcore.tflite import save


class FailOn(str, Enum):
    """The severity from which on the exit code is 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    target: Annotated[list[Target] | None, typer.Option("--target", help="Say what this runtime refuses too.")] = None,
    mend: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without data; needs --output.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The mended .tflite.")] = None,
    accumulator_bits: Annotated[
        int | None,
        typer.Option("--accumulator-bits", min=2, max=64, help="Of your hardware; default: those of TFLite's kernels."),
    ] = None,
    float_model: FloatOption = None,
    data: DataOption = None,
    worst: WorstOption = 3,
    debugger_csv: DebuggerOption = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit code 1 from this severity on.")] = FailOn.ERROR,
    html: HtmlOption = None,
    markdown: MarkdownOption = None,
    model_explorer: ModelExplorerOption = None,
    metric: MetricOption = "findings",
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is written.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List what is wrong with a quantized model, worst first; exit code 1 if anything is as bad as --fail-on."""
    if mend != (output is not None):
        raise fail("--fix writes a new file: give --fix and --output together")
    if output is not None:
        guard(output, force)
    measurement = Measurement(float_model, data, debugger_csv)
    measurement.check(force)
    reports = Reports(html, markdown, model_explorer, metric)
    reports.check(force)
    guard_distinct((debugger_csv, *reports.paths), (model, float_model, data, output))
    source = read_model(model)
    mended: list[Finding] = []
    if output is not None:
        source, mended = fix(source)
    with progress_bar("measuring") as progress:
        found = audit(
            source,
            targets=[t.value for t in target or []],
            accumulator_bits=accumulator_bits,
            worst=worst,
            progress=progress,
            **measurement.read(),
        )
    if reports.wanted:  # first what may be refused
        size = file_size(model, source) if output is None else None
        report = assemble(source, model.name, found.findings, found.proof, found.ledger, file_bytes=size)
        for path in reports.write(report, source):
            errors.print(f"wrote {path}", markup=False, soft_wrap=True)
    if output is not None:
        save(source, output)
    measurement.write(found.ledger)
    if json:
        print_json({**found.as_json(), "mended": [finding.as_json() for finding in mended]})
    else:
        _print(found, mended, output)
        if found.ledger is not None:
            print_ledger(found.ledger)
    raise typer.Exit(FINDING if found.at_least(Severity[fail_on.name]) else OK)


def _print(found: Audit, mended: list[Finding], output: Path | None) -> None:
    for finding in mended:
        out.print(f"mended {finding.code} {finding.place.short}: {finding.message}", markup=False, soft_wrap=True)
    if output is not None:
        rest = "; what stays in it:" if found.findings else ""
        out.print(f"wrote {output}{rest}", markup=False, soft_wrap=True)
    for finding in found.findings:
        out.print(f"[{_COLOURS[finding.severity]}]{finding.severity}[/] {finding.code} {finding.check.title}")
        out.print(f"  {finding.place.short}: {finding.message}", markup=False, soft_wrap=True)
        more = "; --fix mends it" if finding.fixable else ""
        out.print(f"  {finding.advice} ({finding.check.page}{more})", markup=False, soft_wrap=True)
    for entry in found.proof.unproved:
        out.print(f"not proved: {entry.reason}", markup=False, soft_wrap=True)
    counts = ", ".join(counted(sum(f.severity == s for f in found.findings), str(s)) for s in reversed(Severity))
    out.print(counts if found.findings else "no findings", markup=False)

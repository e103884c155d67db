"""`qcore diff A B`: what two model files say differently; `--float F`: what each made of one float model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.differ import Diff, OperatorDiff, diff
from qcore.auditor.differ.side_by_side import SideBySide, Treatment, side_by_side
from qcore.cli.console import FINDING, OK, out, print_json, short_name
from qcore.cli.source import HELP, read_model

_SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "~", "same": " "}
_SAID = ("type", "quantization", "granularity", "version")


def command(
    a: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    b: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    float_model: Annotated[
        Path | None, typer.Option("--float", help="The float model of both: what each made of its operators.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List operators without a difference, and names, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Compare two model files operator by operator; exit code 1 if anything differs."""
    first, second = read_model(a), read_model(b)
    if float_model is not None:
        beside = side_by_side(first, second, read_model(float_model))
        if json:
            added = {"added_a": beside.added_a, "added_b": beside.added_b}
            print_json({"same": beside.same, **added, "operators": beside.operators})
        else:
            _print_beside(beside, every)
        raise typer.Exit(OK if beside.same else FINDING)
    found = diff(first, second)
    if json:
        print_json(found.as_json())
    else:
        _print(found, every)
    raise typer.Exit(OK if found.same else FINDING)


def _print(found: Diff, every: bool) -> None:
    for change in found.model:
        _line(str(change))
    for graph in found.graphs:
        prefix = f"subgraph {graph.subgraph} " if len(found.graphs) > 1 else ""
        for change in graph.borders:
            if every or change.what != "name":
                _line(f"{prefix}{change}")
        for operator in graph.operators:
            if every or operator.status not in ("same", "renamed"):
                _print_operator(operator, prefix, every)
    counts = {status: found.count(status) for status in ("changed", "added", "removed", "renamed", "same")}
    _line(", ".join(f"{count} {status}" for status, count in counts.items()) + " operators")
    if found.same_but_names and not found.same:
        _line("only names differ; --all lists them")


def _print_operator(operator: OperatorDiff, prefix: str, every: bool) -> None:
    places = " -> ".join("none" if i is None else str(i) for i in (operator.a, operator.b))
    shown = places if operator.a != operator.b else str(operator.a)
    _line(f"{_SIGNS[operator.status]} {prefix}{shown} {operator.name}  {short_name(operator.result)}")
    for change in operator.changes:
        if every or change.what != "name":
            _line(f"    {change}")


def _print_beside(found: SideBySide, every: bool) -> None:
    for entry in found.operators:
        if entry.same and not every:
            continue
        _line(f"{entry.operator} {entry.name}  {short_name(entry.result)}")
        for side, treatment in (("A", entry.a), ("B", entry.b)):
            _line(f"    {side}: {'not there' if treatment is None else _treated(treatment)}")
        types = {change.where for change in entry.changes if change.what == "type"}
        for change in entry.changes:  # what A and B say of themselves already says how types differ
            if every or (change.where not in types and change.what not in _SAID):
                _line(f"    A -> B: {change}")
    for side, added in (("A", found.added_a), ("B", found.added_b)):
        names = ", ".join(f"{count} {name}" for name, count in added.items())
        _line(f"{side} adds {names or 'no operators'}")
    _line(f"{found.differing} of {len(found.operators)} operators of the float model are treated differently")


def _treated(t: Treatment) -> str:
    parts = [f"{t.scheme} v{t.version}"]
    if t.weight_type is not None:
        kind = "" if t.granularity is None else f", {t.granularity}"
        noise = "" if t.weight_sqnr is None else f", SQNR {t.weight_sqnr:.1f} dB"
        parts.append(f"weights {t.weight_type}{kind}{noise}")
    if t.bias_type is not None:
        parts.append(f"bias {t.bias_type}")
    if t.result_scale is not None:
        parts.append(f"result {t.result_type}, scale {t.result_scale:.9g}, zero point {t.result_zero_point}")
    if t.before:
        parts.append(f"after {', '.join(t.before)}")
    return "; ".join(parts)


def _line(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)

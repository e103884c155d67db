"""`qcore compare A [B] --data d.npz`: where two models, kernel sets or runtimes part, tensor by tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.comparer import Comparison, Difference, compare
from qcore.cli.console import FINDING, fail, out, print_json, print_table, progress_bar, short_name
from qcore.cli.feeds import feeds
from qcore.cli.kernels import RunnerOption, checked_runner
from qcore.cli.source import HELP, read_model
from qcore.dataset import open_dataset
from qcore.interpreter import Interpreter


def command(
    a: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    b: Annotated[Path | None, typer.Argument(help="A second model; left out: the first one.")] = None,
    data: Annotated[Path | None, typer.Option("--data", "-d", help="Samples: .npz, .npy or a folder of them.")] = None,
    random: Annotated[int | None, typer.Option("--random", help="Draw one sample from this seed instead.")] = None,
    kernels: RunnerOption = "reference",
    kernels_b: Annotated[
        str | None, typer.Option(callback=checked_runner, metavar="SET", help="Who runs B; default: the same.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List tensors without a difference too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Compare every result of every operator; exit code 1 if any value differs."""
    if (data is None) == (random is None):
        raise fail("give samples with --data, or let --random SEED draw one")
    if b is None and kernels_b in (None, kernels):
        raise fail("this compares a model with itself; give a second model, or --kernels-b")
    first = read_model(a)
    second = None if b is None else read_model(b)
    samples = open_dataset(data, first) if data is not None else [feeds(Interpreter(first), None, random)]
    with progress_bar("comparing") as progress:
        found = compare(first, second, samples, kernels=kernels, kernels_b=kernels_b, progress=progress)
    if json:
        print_json({"equal": found.equal, "samples": found.samples, "tensors": found.tensors, "unseen": found.unseen})
    else:
        _print(found, every)
    raise typer.Exit(0 if found.equal else FINDING)


def _print(found: Comparison, every: bool) -> None:
    rows = [
        [
            t.operator,
            t.name,
            short_name(t.tensor_name),
            *_cells(t.accumulated),
            *([] if t.local is None else _cells(t.local)[1:]),
        ]
        for t in found.tensors
        if every or t.accumulated.differing or (t.local and t.local.differing)
    ]
    columns = ["#", "operator", "tensor", "values", "differ", "at most"]
    if any(t.local is not None for t in found.tensors):
        columns += ["own", "own at most"]
    if rows:
        print_table(None, columns, rows, ",".join(["#", *columns[3:]]))
    values = sum(t.accumulated.values for t in found.tensors)
    differing = sum(t.accumulated.differing for t in found.tensors)
    out.print(f"{values:,} values of {len(found.tensors)} tensors in {found.samples} samples; {differing:,} differ")
    if found.first is not None:
        out.print(
            f"first: operator {found.first.operator} {found.first.name}, {found.first.tensor_name}",
            markup=False,
            soft_wrap=True,
        )
    if found.unseen:
        out.print(f"not shown by a runtime that delegates: {len(found.unseen)} tensors")


def _cells(difference: Difference) -> list[str]:
    return [f"{difference.values:,}", f"{difference.differing:,}", f"{difference.largest:g}"]

"""`qcore why MODEL --dump theirs.npz -i x.npy`: where another's numbers leave ours, and which rule gives them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from qcore.auditor.diagnoser import Diagnosis, why
from qcore.cli.console import FINDING, OK, fail, out, print_json
from qcore.cli.feeds import InputOption, RandomOption, feeds
from qcore.cli.kernels import KernelsOption
from qcore.cli.source import HELP, read_model
from qcore.interpreter import Interpreter


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    dump: Annotated[
        Path,
        typer.Option("--dump", help="Theirs: .npz by tensor name or output index, .npy, or an output's raw bytes."),
    ],
    inputs: InputOption = None,
    random: RandomOption = None,
    kernels: KernelsOption = "reference",
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Find the first tensor of a dump that differs, and the rules that reproduce it; exit code 1 if any does."""
    source = read_model(model)
    interpreter = Interpreter(source)
    values = feeds(interpreter, inputs, random)
    diagnosis = why(source, _read(dump, interpreter), values, kernels=kernels)
    if json:
        print_json({"equal": diagnosis.equal, **asdict(diagnosis)})
    else:
        _print(diagnosis)
    raise typer.Exit(OK if diagnosis.equal else FINDING)


def _read(dump: Path, interpreter: Interpreter) -> Any:
    try:
        if dump.suffix == ".npz":
            with np.load(dump, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if dump.suffix == ".npy":
            return np.load(dump, allow_pickle=False)
        data = dump.read_bytes()
    except (OSError, ValueError, EOFError) as error:
        raise fail(f"{dump}: cannot be read as .npy, .npz or raw bytes: {error}") from error
    details = interpreter.get_output_details()
    if len(details) != 1:
        raise fail(f"{dump}: raw bytes are of a single output, the model has {len(details)}; give an .npz")
    dtype = np.dtype(details[0]["dtype"])
    if dtype.kind not in "iufb" or len(data) % dtype.itemsize:
        raise fail(f"{dump}: {len(data)} bytes are no array of {dtype}")
    return np.frombuffer(data, dtype)


def _print(d: Diagnosis) -> None:
    if d.equal:
        out.print(f"all {len(d.compared)} tensors equal ours", markup=False)
        return
    made = "an input or constant of the graph" if d.operator is None else f"of operator {d.operator} {d.name}"
    out.print(f"first difference: {d.tensor}, {made}: {d.differing} of {d.values} elements", markup=False)
    grouped: dict[str, list[str]] = {}
    for rule in d.rules:
        name, _, multiplier = rule.partition(", multiplier in ")
        grouped.setdefault(name, []).append(multiplier)
    for name, multipliers in grouped.items():
        of = f", multiplier in {' or '.join(multipliers)}" if multipliers[0] else ""
        out.print(f"  reproduces all of theirs: {name}{of}", markup=False)
    if not d.rules and d.operator is not None:
        out.print("  no rule of the catalogue reproduces them", markup=False)
        if d.closest:
            out.print(f"  closest, {d.remaining} elements remain: {d.closest}", markup=False)
    if d.bounded:
        out.print("  the tensor is large: not every pair of rules was tried", markup=False)
    if d.unseen:
        names = ", ".join(d.unseen)
        out.print(f"  not given, so perhaps different already: {names}; dump them too", markup=False)

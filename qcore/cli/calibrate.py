"""`qcore calibrate MODEL --data d.npz -o statistics.json`: observe the ranges of a float model's tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qcore.calibrator import calibrate
from qcore.cli.console import guard, out, print_json, print_table, progress_bar
from qcore.cli.range_method import MethodOption, ParameterOption, read_parameters
from qcore.cli.source import HELP, read_model
from qcore.dataset import open_dataset


def command(
    model: Annotated[Path, typer.Argument(help=f"The float model: {HELP}", show_default=False)],
    data: Annotated[Path, typer.Option("--data", "-d", help="Representative samples: .npz, .npy or a folder of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the statistics to this JSON file.")],
    method: MethodOption = "min_max",
    parameter: ParameterOption = None,
    in_place_rule: Annotated[
        bool | None,
        typer.Option(
            help="Reproduce TFLite's calibrator, which logs an input after an operator wrote over it. The default for "
            "min_max; other methods have no such rule.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Run a float model on representative samples and save the range of every tensor."""
    guard(output, force)
    parameters = read_parameters(method, parameter)
    loaded = read_model(model)
    with progress_bar("calibrating") as progress:
        statistics = calibrate(
            loaded,
            open_dataset(data, loaded),
            method=method,
            in_place_rule=in_place_rule,
            progress=progress,
            **parameters,
        )
    statistics.save(output)
    ranges = {statistics.names[0, index]: bounds for index, bounds in statistics.ranges().items()}
    if json:
        print_json({"samples": statistics.samples, "method": method, "output": str(output), "ranges": ranges})
        return
    rows = [[name, f"{low:.6g}", f"{high:.6g}"] for name, (low, high) in ranges.items()]
    print_table(None, ["tensor", "min", "max"], rows, "min,max")
    out.print(f"\n{statistics.samples} samples, {len(rows)} tensors; written: {output}", markup=False, soft_wrap=True)

"""`qcore evaluate FLOAT QUANTIZED... --data d.npz`: accuracy, agreement, noise, size and time, side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from qcore.cli.console import FINDING, errors, fail, out, print_json, print_table, progress_bar
from qcore.cli.kernels import KERNELS_HELP, checked_kernels
from qcore.cli.source import HELP, read_model
from qcore.evaluator import LABELS, Evaluation, losers
from qcore.evaluator import evaluate as evaluate_models
from qcore.frontends import needs_conversion

_COLUMNS: dict[str, Callable[[Evaluation], str]] = {
    "top-1": lambda e: _percent(e.top1),
    "top-5": lambda e: _percent(e.top5),
    "MAE": lambda e: _number(e.mae),
    "RMSE": lambda e: _number(e.rmse),
    "agrees": lambda e: _percent(e.agreement),
    "SQNR": lambda e: "" if e.sqnr is None else " ".join(f"{value:.1f} dB" for value in e.sqnr.values()),
    "bytes": lambda e: f"{e.bytes:,}",
    "gzip": lambda e: f"{e.gzip_bytes:,}",
    "ms": lambda e: f"{e.seconds * 1000:.2f}",
}


_Kernels = Annotated[
    str,
    typer.Option(
        "--kernels",
        callback=checked_kernels,
        metavar="SET",
        help=f"{KERNELS_HELP} They run all models but the first, which the reference kernels run.",
    ),
]


def command(
    float_model: Annotated[Path, typer.Argument(help=f"The model to compare with: {HELP}", show_default=False)],
    quantized: Annotated[list[Path], typer.Argument(help="The models to compare with it.", show_default=False)],
    data: Annotated[
        Path,
        typer.Option("--data", "-d", help="What the float model is fed: .npz (with labels, if any), .npy or a folder."),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "-l",
            help=f"The array of the .npz that holds the labels, or a .npy file; by default {', '.join(LABELS)}.",
            show_default=False,
        ),
    ] = None,
    output_name: Annotated[
        str | None,
        typer.Option(help="The output that is judged, where the model has several.", show_default=False),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Exit with 1 if top-1 accuracy falls by more than so many percentage points.",
            show_default=False,
        ),
    ] = None,
    kernels: _Kernels = "reference",
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Compare models on the same data: accuracy, agreement with the first, noise at the outputs, size and time."""
    paths = [float_model, *quantized]
    models = [read_model(path) if needs_conversion(path) else path for path in paths]
    with progress_bar("evaluating") as progress:
        results = evaluate_models(
            models,
            data,
            _labels(labels),
            output_name=output_name,
            names=[str(path) for path in paths],
            kernels=kernels,
            progress=progress,
        )
    over = [] if budget is None else losers(results, budget)
    if json:
        print_json({"models": results, "budget": budget, "over_budget": [e.name for e in over]})
    else:
        _report(results)
    for e in over:
        fallen = 100 * (results[0].correct - e.correct) / e.labelled
        errors.print(f"over budget: {e.name} is {fallen:.3g} percentage points less accurate", markup=False)
    if over:
        raise typer.Exit(FINDING)


def _labels(given: str | None) -> Any:
    """The name of an array, or the array of a .npy file."""
    if given is None or not given.endswith(".npy"):
        return given
    try:
        return np.load(given, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise fail(f"{given}: cannot be read as .npy: {error}") from error


def _report(results: list[Evaluation]) -> None:
    rows = {title: [text(e) for e in results] for title, text in _COLUMNS.items()}
    shown = {title: texts for title, texts in rows.items() if any(texts)}
    out.print(f"{results[0].samples:,} samples" + (f", {results[0].labelled:,} labels" if results[0].labelled else ""))
    files = [Path(e.name).name for e in results]
    titles = files if len(set(files)) == len(files) else [e.name for e in results]
    table = [[titles[index], *(texts[index] for texts in shown.values())] for index in range(len(results))]
    print_table(None, ["model", *shown], table, ",".join(shown))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"

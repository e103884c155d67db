"""The inputs of one run: from files, or drawn from a seed; and the options that say so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from qcore.cli.console import fail
from qcore.interpreter import Interpreter

__all__ = ["InputOption", "RandomOption", "feeds"]

Array = NDArray[Any]
InputOption = Annotated[
    list[Path] | None,
    typer.Option("--input", "-i", help=".npy files in input order, or one .npz with arrays by input name."),
]
RandomOption = Annotated[int | None, typer.Option("--random", help="Draw inputs from this seed instead.")]


def feeds(interpreter: Interpreter, paths: list[Path] | None, random: int | None) -> Any:
    """What `Interpreter.run` takes: .npy files in input order, one .npz by input name, or numbers drawn from a seed."""
    if bool(paths) == (random is not None):
        raise fail("give the inputs with --input, or let --random SEED draw them")
    return _read(paths) if paths else _draw(interpreter, random or 0)


def _read(paths: list[Path]) -> Any:
    try:
        if len(paths) == 1 and paths[0].suffix == ".npz":
            with np.load(paths[0], allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        return [np.load(path, allow_pickle=False) for path in paths]
    except (OSError, ValueError) as error:
        raise fail(f"{', '.join(map(str, paths))}: cannot be read as .npy or .npz: {error}") from error


def _draw(interpreter: Interpreter, seed: int) -> list[Array]:
    """Random inputs: float ones uniform in [-1, 1), integer ones over the whole type."""
    rng = np.random.default_rng(seed)
    values: list[Array] = []
    for detail in interpreter.get_input_details():
        dtype, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
        if dtype.kind == "f":
            values.append(rng.uniform(-1, 1, shape).astype(dtype))
        elif dtype.kind in "iu":
            info = np.iinfo(dtype)
            values.append(rng.integers(info.min, info.max, shape, dtype, endpoint=True))
        elif dtype.kind == "b":
            values.append(rng.integers(0, 2, shape).astype(bool))
        else:
            raise fail(f"input {detail['name']!r} is {dtype}; random values cannot be drawn for it, use --input")
    return values

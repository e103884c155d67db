"""`qcore export MODEL --op 7 --format c -o conv.h`: constants and test vectors of an operator, for hardware."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.exporter import as_c, as_hex, export
from qcore.cli.console import fail, guard, out
from qcore.cli.feeds import feeds
from qcore.cli.kernels import KernelsOption
from qcore.cli.source import HELP, read_model
from qcore.files import as_npz, replace_file
from qcore.interpreter import Interpreter


class Format(str, Enum):
    """What is written: an .npz, a C header, or a folder of $readmemh files and an index of them."""

    NPZ = "npz"
    C = "c"
    HEX = "hex"


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file, or the folder of the hex files.")],
    operator: Annotated[
        int | None, typer.Option("--op", help="Index of the operator, as `qcore show` counts. Default: all.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="npz; c: a header; hex: a $readmemh file each.")
    ] = Format.NPZ,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", "-i", help="Adds test vectors of a run: .npy in input order, or one .npz by input name."
        ),
    ] = None,
    random: Annotated[int | None, typer.Option("--random", help="The same of inputs drawn from this seed.")] = None,
    kernels: KernelsOption = "reference",
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write weights, biases, multipliers, shifts, tables and test vectors of one operator or all."""
    interpreter = Interpreter(read_model(model), kernels=kernels)
    vectors = bool(inputs) or random is not None
    if vectors:
        interpreter.run(feeds(interpreter, inputs, random))
    arrays = export(interpreter, None if operator is None else [operator], vectors=vectors)
    if form is Format.HEX:
        index = {a.name: {"dtype": str(a.value.dtype), "shape": a.value.shape, "comment": a.comment} for a in arrays}
        files = {output / f"{a.name}.hex": as_hex(a.value).encode() for a in arrays}
        files[output / "index.json"] = (json.dumps(index, indent=1) + "\n").encode()
        if output.exists() and not output.is_dir():
            raise fail(f"{output} is a file; --format hex writes a folder")
    elif form is Format.C:
        files = {output: as_c(arrays).encode()}
    else:
        files = {output: as_npz({a.name: a.value for a in arrays})}
    if form is Format.HEX and output.parent.is_dir():
        output.mkdir(exist_ok=True)
    for path in files:
        guard(path, force)
    for path, data in files.items():
        replace_file(path, data)
    out.print(f"written: {output} ({len(arrays)} arrays)", markup=False, soft_wrap=True)

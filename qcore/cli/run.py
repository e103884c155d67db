"""`qcore run MODEL -i x.npy`: run a model in NumPy and print or save its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray

from qcore.cli.console import guard, out, print_json, print_table
from qcore.cli.feeds import InputOption, RandomOption, feeds
from qcore.cli.kernels import KernelsOption
from qcore.cli.source import HELP, read_model
from qcore.errors import StateError
from qcore.files import as_npz, replace_file
from qcore.interpreter import Interpreter

Array = NDArray[Any]


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    inputs: InputOption = None,
    random: RandomOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the outputs to this .npz, by name.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all-tensors", help="Write every tensor of the graph, not only the outputs.")
    ] = False,
    kernels: KernelsOption = "reference",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Run a model in integers and show, or save, what comes out."""
    interpreter = Interpreter(read_model(model), kernels=kernels)
    if output is not None:
        guard(output, force)
    interpreter.run(feeds(interpreter, inputs, random))
    values = _by_name(interpreter, interpreter.get_output_details())
    if output is not None:
        saved = _by_name(interpreter, interpreter.get_tensor_details()) if every else values
        replace_file(output, as_npz(saved))
    if json:
        print_json({name: {"dtype": str(v.dtype), "shape": v.shape, "values": v} for name, v in values.items()})
        return
    rows = [[name, v.dtype, "x".join(map(str, v.shape)) or "scalar", _preview(v)] for name, v in values.items()]
    print_table(None, ["output", "type", "shape", "values"], rows)
    if output is not None:
        out.print(f"written: {output}", markup=False, soft_wrap=True)


def _by_name(interpreter: Interpreter, details: list[dict[str, Any]]) -> dict[str, Array]:
    """The tensors that have a value, by name; a name that occurs twice gets its index."""
    values: dict[str, Array] = {}
    for detail in details:
        try:
            value = interpreter.get_tensor(detail["index"])
        except StateError:  # nothing writes to it
            continue
        name = str(detail["name"])
        values[name if name not in values else f"{name}:{detail['index']}"] = value
    return values


def _preview(value: Array) -> str:
    flat = value.reshape(-1)
    shown = " ".join(f"{v:.6g}" if value.dtype.kind == "f" else str(v) for v in flat[:12].tolist())
    return shown + (f" ... ({flat.size} values)" if flat.size > 12 else "")

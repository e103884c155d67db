"""What `qcore audit` needs to measure: the float model and samples; and the CSV of QuantizationDebugger."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from qcore.auditor.ledger import Ledger
from qcore.cli.console import fail, guard
from qcore.cli.source import read_model
from qcore.dataset import open_dataset
from qcore.files import replace_file

__all__ = ["DataOption", "DebuggerOption", "FloatOption", "Measurement", "WorstOption"]

FloatOption = Annotated[
    Path | None,
    typer.Option("--float", help="The float model it was made from: with --data, what quantization costs, and where."),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", "-d", help="Samples for the float model: .npz, .npy or a folder of them.")
]
WorstOption = Annotated[int, typer.Option("--worst", min=0, help="Try so many operators in float and in int16.")]
DebuggerOption = Annotated[
    Path | None,
    typer.Option("--debugger-csv", help="Write the statistics of TensorFlow's QuantizationDebugger."),
]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was asked for; None: nothing is measured, or written."""

    float_model: Path | None
    data: Path | None
    debugger_csv: Path | None

    def check(self, force: bool) -> None:
        """Refuse half of what is needed, and to overwrite."""
        if (self.float_model is None) != (self.data is None) or (self.debugger_csv is not None and self.data is None):
            raise fail("what quantization costs is measured with the float model and samples: give --float and --data")
        if self.debugger_csv is not None:
            guard(self.debugger_csv, force)

    def read(self) -> dict[str, Any]:
        """The arguments `audit` takes for it."""
        if self.float_model is None:
            return {}
        exact = read_model(self.float_model)
        return {"float_model": exact, "samples": open_dataset(self.data, exact)}

    def write(self, ledger: Ledger | None) -> None:
        """The CSV, where it was asked for."""
        if self.debugger_csv is None or ledger is None:
            return
        text = io.StringIO()
        ledger.layer_statistics_dump(text)
        replace_file(self.debugger_csv, text.getvalue().encode())

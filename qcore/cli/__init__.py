"""The command line: `qcore COMMAND MODEL ...`, one file per command."""

from __future__ import annotations

import io
import sys

import typer

from qcore.cli import audit, calibrate, compare, demo, diff, evaluate, explain, export, ops, quantize, run, show, why
from qcore.cli.console import BAD_MODEL, USAGE, fail
from qcore.errors import ModelError, QCoreError, UnsupportedError

__all__ = ["app", "main"]

app = typer.Typer(
    name="qcore",
    help="Quantize TensorFlow Lite models and run them in integers, exactly as TensorFlow Lite does.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 finding or mismatch, 2 usage or data, 3 unreadable or unsupported model.",
)
for command in (show, run, calibrate, quantize, evaluate, explain, compare, diff, why, audit, export, ops, demo):
    app.command(name=command.__name__.rpartition(".")[2])(command.command)


def main() -> None:
    """Run the command line; an error of qcore's own, or of a file, becomes one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal has no letters for
    try:
        app()
    except (ModelError, UnsupportedError) as error:
        sys.exit(fail(str(error), BAD_MODEL).exit_code)
    except QCoreError as error:
        sys.exit(fail(str(error), USAGE).exit_code)
    except OSError as error:
        sys.exit(fail(f"{error.filename or 'a file'}: {error.strerror or error}", USAGE).exit_code)

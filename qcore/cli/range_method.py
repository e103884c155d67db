"""The options by which a range method is chosen, for the commands that calibrate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qcore.cli.console import fail
from qcore.observers import METHODS, make_method

__all__ = ["MethodOption", "ParameterOption", "read_parameters"]

MethodOption = Annotated[
    str, typer.Option("--method", "-m", help=f"How ranges follow from values: {', '.join(METHODS)}.")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the method: percentile=99.9, passes=2, ..."
    ),
]


def read_parameters(method: str, given: list[str] | None) -> dict[str, Any]:
    """The parameters of a method, those not given at their defaults; a whole number becomes an int."""
    parameters: dict[str, float] = {}
    for text in given or []:
        name, _, value = text.partition("=")
        try:
            parameters[name] = int(value) if value.lstrip("-").isdecimal() else float(value)
        except ValueError:
            raise fail(f"--parameter {text!r} is not NAME=VALUE with a number") from None
    return make_method(method, parameters).parameters

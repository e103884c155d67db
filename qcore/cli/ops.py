"""`qcore ops`: which operators run, in which types."""

from __future__ import annotations

import pkgutil
from typing import Annotated

import typer

import qcore.ops
from qcore.cli.console import out, print_json, print_table
from qcore.op import Op, find, module_name
from tflite_schema import BuiltinOperator


def command(json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """List the operators that can be executed, by variant."""
    table = {code.name: list(op.kernels) for code, op in available()}
    if json:
        print_json(table)
        return
    variants = list(dict.fromkeys(variant for kernels in table.values() for variant in kernels))
    rows = [[name, *("yes" if variant in kernels else "" for variant in variants)] for name, kernels in table.items()]
    print_table(None, ["operator", *variants], rows)
    out.print(
        f"\n{len(table)} operators. any: data of every type is moved unchanged. hybrid: float with integer weights."
    )


def available() -> list[tuple[BuiltinOperator, Op]]:
    """Every builtin with an op file, in the schema's order."""
    files = {module.name for module in pkgutil.iter_modules(qcore.ops.__path__)}
    return [(code, find(code)) for code in BuiltinOperator if module_name(code) in files]

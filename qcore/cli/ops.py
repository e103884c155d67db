"""`qcore ops`: which operators run, in which types, and the evidence that they equal TFLite's kernels."""

from __future__ import annotations

import json as json_format
import pkgutil
from importlib.resources import files
from typing import Annotated, Any

import typer

import qcore.ops
from qcore.cli.console import out, print_json, print_table
from qcore.op import Op, find, module_name
from tflite_schema import BuiltinOperator


def command(
    absent: Annotated[
        bool, typer.Option("--absent", help="List what is not executed instead, each type with its reason.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the operators that can be executed, by type, with the values compared against TFLite's kernels."""
    if absent:
        reasons = data("absent.json")
        if json:
            print_json(reasons)
            return
        rows = [[name, kind, why] for name, kinds in reasons.items() for kind, why in kinds.items()]
        print_table(None, ["operator", "type", "why it is not executed"], rows)
        out.print("\n*: the operator as a whole.")
        return
    seen = data("evidence.json")
    table = {
        code.name: {variant: seen.get(code.name, {}).get(variant) for variant in _types(op, seen.get(code.name, {}))}
        for code, op in available()
    }
    if json:
        print_json(table)
        return
    rows = [[name, ", ".join(_cell(kind, seen) for kind, seen in cells.items())] for name, cells in table.items()]
    print_table(None, ["operator", "types, with the values compared"], rows)
    against = sorted({cell["against"] for cells in table.values() for cell in cells.values() if cell})
    out.print(
        f"\n{len(table)} operators. A number: values compared with {', '.join(against) or 'TFLite'} in the last "
        "conformance run, 0 mismatches; a type without one runs, but was not compared there. any: data of every type "
        "is moved unchanged. hybrid: float with integer weights. What is missing, and why: qcore ops --absent"
    )


def available() -> list[tuple[BuiltinOperator, Op]]:
    """Every builtin with an op file, in the schema's order."""
    names = {module.name for module in pkgutil.iter_modules(qcore.ops.__path__) if not module.ispkg}
    return [(code, find(code)) for code in BuiltinOperator if module_name(code) in names]


def data(name: str) -> dict[str, dict[str, Any]]:
    """A table by operator that comes with the package: what the last conformance run compared, or what is absent."""
    table: dict[str, dict[str, Any]] = json_format.loads((files("qcore") / "data" / name).read_text(encoding="utf-8"))
    return table


def _types(op: Op, compared: dict[str, Any]) -> list[str]:
    """The kernels of an operator; for one that moves any type, also the types that were compared."""
    return list(dict.fromkeys([*op.kernels, *compared]))


def _cell(variant: str, compared: dict[str, Any] | None) -> str:
    return variant if compared is None else f"{variant} {_rounded(int(compared['values']))}"


def _rounded(values: int) -> str:
    return f"{values / 1e6:.1f}M" if values >= 1e5 else f"{values:,}"

"""`qcore ops`: which operators run, in which types, and the evidence that they equal TFLite's kernels."""

from __future__ import annotations

import json as json_format
import pkgutil
from importlib.resources import files
from typing import Annotated, Any

import typer

import qcore.ops
from qcore.cli.console import fail, out, print_json, print_table
from qcore.op import Op, find, module_name
from tflite_schema import BuiltinOperator

_OTHERS = ("optimized", "xnnpack")


def command(
    kernels: Annotated[
        str | None,
        typer.Option("--kernels", help="One kernel set, type by type: reference, optimized, xnnpack@litert-2.3, ..."),
    ] = None,
    absent: Annotated[
        bool, typer.Option("--absent", help="List what is not executed instead, each type with its reason.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the operators that can be executed, by type, with the values compared against TFLite's kernels."""
    if absent:
        _show_absent(json)
        return
    table = evidence()
    if kernels is not None:
        _show_set(table, kernels, json)
        return
    if json:
        print_json(table)
        return
    rows = [[name, _types(cells), *(_total(cells, other) for other in _OTHERS)] for name, cells in table.items()]
    print_table(None, ["operator", "types, with the values compared", *_OTHERS], rows)
    against = sorted(
        {cell["reference"]["against"] for cells in table.values() for cell in cells.values() if "reference" in cell}
    )
    out.print(
        f"\n{len(table)} operators. A number: values compared with {', '.join(against) or 'TFLite'} in the last "
        "conformance run, 0 mismatches; a type without one runs, but was not compared there. any: data of every type "
        "is moved unchanged. hybrid: float with integer weights. optimized, xnnpack: the same under the other kernel "
        "sets, type by type with --kernels. What is missing, and why: qcore ops --absent"
    )


def evidence() -> dict[str, dict[str, dict[str, Any]]]:
    """Operator -> type -> kernel set -> what the last conformance run compared there, for all that can be executed."""
    sets: dict[str, dict[str, Any]] = {"reference": data("evidence.json"), **data("kernel_sets.json")}
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for code, op in available():
        compared = {name: seen.get(code.name, {}) for name, seen in sets.items()}
        variants = dict.fromkeys([*op.kernels, *(variant for seen in compared.values() for variant in seen)])
        table[code.name] = {
            variant: {name: seen[variant] for name, seen in compared.items() if variant in seen} for variant in variants
        }
    return table


def _show_absent(json: bool) -> None:
    reasons = data("absent.json")
    if json:
        print_json(reasons)
        return
    rows = [[name, kind, why] for name, kinds in reasons.items() for kind, why in kinds.items()]
    print_table(None, ["operator", "type", "why it is not executed"], rows)
    out.print("\n*: the operator as a whole.")


def _show_set(table: dict[str, dict[str, dict[str, Any]]], kernels: str, json: bool) -> None:
    known = sorted({name for cells in table.values() for sets in cells.values() for name in sets})
    if kernels not in known:
        raise fail(f"nothing was compared under kernels {kernels!r}; choose one of {', '.join(known)}")
    chosen = {
        name: {variant: sets[kernels] for variant, sets in cells.items() if kernels in sets}
        for name, cells in table.items()
    }
    if json:
        print_json(chosen)
        return
    rows = [[name, variant, *_counts(cell)] for name, cells in chosen.items() for variant, cell in cells.items()]
    print_table(
        None, ["operator", "type", "values", "differ", "by XNNPACK", "refused"], rows, "values,differ,by XNNPACK"
    )
    measured = [cell for cells in chosen.values() for cell in cells.values()]
    against = sorted({cell["against"] for cell in measured})
    processors = sorted({cell["processor"] for cell in measured if "processor" in cell})
    out.print(
        f"\n{sum(cell['values'] for cell in measured):,} values of {len(measured)} types, compared with "
        f"{', '.join(against)}{' on ' if processors else ''}{', '.join(processors)}. by XNNPACK: of them, those of "
        "nodes that the delegate takes. —: every model drawn is refused; otherwise how many of them, and mostly why."
    )


def _counts(cell: dict[str, Any]) -> list[str]:
    """Values, mismatches, values by XNNPACK, and what is refused."""
    refused, models = cell.get("refused", 0), cell["models"]
    by_xnnpack = f"{cell['by_xnnpack']:,}" if cell.get("by_xnnpack") else ""
    if refused == models:
        return ["—", "—", by_xnnpack, cell["why"]]
    why = f"{refused} of {models} models: {cell['why']}" if refused else ""
    return [f"{cell['values']:,}", str(cell["mismatches"]), by_xnnpack, why]


def available() -> list[tuple[BuiltinOperator, Op]]:
    """Every builtin with an op file, in the schema's order."""
    names = {module.name for module in pkgutil.iter_modules(qcore.ops.__path__) if not module.ispkg}
    return [(code, find(code)) for code in BuiltinOperator if module_name(code) in names]


def data(name: str) -> dict[str, dict[str, Any]]:
    """A table by operator that comes with the package: what the last conformance run compared, or what is absent."""
    table: dict[str, dict[str, Any]] = json_format.loads((files("qcore") / "data" / name).read_text(encoding="utf-8"))
    return table


def _types(cells: dict[str, dict[str, Any]]) -> str:
    """The types of an operator, each with the values compared with the reference kernels."""
    numbers = {variant: sets.get("reference") for variant, sets in cells.items()}
    return ", ".join(f"{v} {_rounded(int(cell['values']))}" if cell else v for v, cell in numbers.items())


def _total(cells: dict[str, dict[str, Any]], kernels: str) -> str:
    """The values of all types compared under a kernel set; — where all of them are refused, nothing where none was."""
    compared = [sets[kernels] for sets in cells.values() if kernels in sets]
    values = sum(int(cell["values"]) for cell in compared)
    return _rounded(values) if values else "—" if compared else ""


def _rounded(values: int) -> str:
    return f"{values / 1e6:.1f}M" if values >= 1e5 else f"{values:,}"

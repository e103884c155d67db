"""What the declaration of the .tflite schema lacks, or has too much, compared with generated code.

    python tools/schema_diff.py                    compare with the installed TensorFlow and ai-edge-litert
    python tools/schema_diff.py --write            record the newest of them in tests/goldens/schema_snapshot.json

The generated Python of a schema is asked, not parsed: each `<Table>Add<Field>` is called with a recording stand-in for
the Builder, which reveals slot, storage and default; each accessor is called with a recording stand-in for the buffer,
which reveals the element type of a vector and the type of a table. Prints the lines to add; exit status 1 if there are
any.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "tests" / "goldens" / "schema_snapshot.json"
GENERATED = {
    "tensorflow": "tensorflow.lite.python.schema_py_generated",
    "ai-edge-litert": "ai_edge_litert.schema_py_generated",
}

PYTHON_TYPES = {"bool": "bool", "float32": "float"}

Schema = dict[str, dict[str, Any]]
"""{"tables": {table: {slot: field}}, "enums": {enum: {member: value}}}; a field is a small dict of strings."""


class _Recorder:
    """Stands in for Builder and for flatbuffers' Table: remembers what it is asked."""

    Pos = 0
    Bytes = b""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def record(*arguments: Any) -> int:
            self.calls.append((name, *arguments))
            return 4  # "present" where an offset is asked

        return record


def _flag(name: str) -> str:
    return {"boolflags": "bool"}.get(name.lower(), name.lower().removesuffix("flags"))


def _generated_field(module: ModuleType, table: str, name: str) -> tuple[int, dict[str, Any]]:
    builder = _Recorder()
    getattr(module, f"{table}Add{name}")(builder, 0)
    ((method, slot, _, default),) = builder.calls
    field: dict[str, Any] = {"name": name}
    if method != "PrependUOffsetTRelativeSlot":
        storage = method.removeprefix("Prepend").removesuffix("Slot").lower()
        return slot, field | {"kind": "scalar", "type": storage, "default": float(default)}
    accessor = getattr(getattr(module, table), name)
    row, buffer = getattr(module, table)(), _Recorder()
    row._tab = buffer
    found = accessor(row, 0) if len(inspect.signature(accessor).parameters) == 2 else accessor(row)
    asked = {call[0]: call for call in buffer.calls}
    if "String" in asked:
        return slot, field | {"kind": "text"}
    if "Union" in asked:
        return slot, field | {"kind": "union"}
    if "Indirect" in asked:
        return slot, field | {"kind": "children" if "Vector" in asked else "child", "type": type(found).__name__}
    return slot, field | {"kind": "vector", "type": _flag(asked["Get"][1].__name__)}


def generated(module: ModuleType) -> Schema:
    """The schema as the generated module `module` writes it."""
    names = list(vars(module))
    tables: dict[str, Any] = {}
    for table in (name.removesuffix("Start") for name in names if name.endswith("Start")):
        adders = [name for name in names if re.fullmatch(rf"{table}Add[A-Z]\w*", name)]
        fields = dict(_generated_field(module, table, name.removeprefix(f"{table}Add")) for name in adders)
        tables[table] = {str(slot): fields[slot] for slot in sorted(fields)}
    enums = {
        name: {member: value for member, value in vars(kind).items() if not member.startswith("_")}
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and name not in tables
        if not (name.endswith("T") and name[:-1] in tables)
    }
    return {"tables": tables, "enums": enums}


def declared() -> Schema:
    """The schema as `tflite_schema` declares it, in the same form. Deprecated fields are marked."""
    import tflite_schema

    def describe(field: Any) -> dict[str, Any]:
        name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))
        entry: dict[str, Any] = {"name": name, "kind": field.kind}
        if field.kind == "scalar":
            entry |= {"type": field.storage, "default": float(field.default)}
        elif field.kind == "tag":
            entry |= {"kind": "scalar", "type": "uint8", "default": 0.0}
        elif field.kind == "vector":
            entry["type"] = field.dtype.name
        elif field.kind in ("child", "children"):
            entry["type"] = field.of.__name__
        return entry | ({"deprecated": True} if field.deprecated else {})

    tables = {name: {str(f.slot): describe(f) for f in table.FIELDS} for name, table in tflite_schema.TABLES.items()}
    kinds = [kind for kind in vars(tflite_schema).values() if isinstance(kind, type) and issubclass(kind, enum.IntEnum)]
    enums = {kind.__name__: {member.name: int(member) for member in kind} for kind in kinds}
    return {"tables": tables, "enums": enums}


def installed() -> dict[str, Schema]:
    """The schema of every generated module that can be imported, by package."""
    found = {}
    for package, name in GENERATED.items():
        try:
            found[package] = generated(importlib.import_module(name))
        except ImportError:
            continue
    return found


def missing(ours: Schema, theirs: Schema) -> list[str]:
    """What `theirs` has and `ours` has not, or has differently; one line each."""
    lines = []
    for table, fields in theirs["tables"].items():
        if table not in ours["tables"]:
            lines.append(f"class {table}(Table):")
        for slot, field in fields.items():
            mine = ours["tables"].get(table, {}).get(slot)
            if mine is None:
                lines.append(f"{table}, slot {slot}: add {_line(field)}")
            elif mine != field:
                lines.append(f"{table}, slot {slot}: {_line(mine)}, should be {_line(field)}")
    for name, members in theirs["enums"].items():
        for member, value in members.items():
            mine = ours["enums"].get(name, {}).get(member)
            if mine is None:
                lines.append(f"enum {name}: add {member} = {value}")
            elif mine != value:
                lines.append(f"enum {name}: {member} = {mine}, should be {value}")
    return lines


def surplus(ours: Schema, theirs: list[Schema]) -> list[str]:
    """What `ours` has and none of `theirs`; deprecated fields are left out, since no code is generated for them."""
    lines = []
    for table, fields in ours["tables"].items():
        if not any(table in other["tables"] for other in theirs):
            lines.append(f"{table}: in no generated schema")
        for slot, field in fields.items():
            known = any(slot in other["tables"].get(table, {}) for other in theirs)
            if known == field.get("deprecated", False):
                lines.append(f"{table}, slot {slot}: {_line(field)} " + ("is deprecated?" if known else "unknown"))
    for name, members in ours["enums"].items():
        known_members = {member for other in theirs for member in other["enums"].get(name, {})}
        lines += [f"enum {name}: {member} unknown" for member in members if member not in known_members]
    return lines


def newest(schemas: list[Schema]) -> Schema:
    """The union of several states of a growing schema."""
    merged: Schema = {"tables": {}, "enums": {}}
    for schema in schemas:
        for part in ("tables", "enums"):
            for name, entries in schema[part].items():
                merged[part].setdefault(name, {}).update(entries)
    return merged


def _line(field: dict[str, Any]) -> str:
    """`field` in the words of tables.py."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field["name"]).lower()
    kind, of = field["kind"], field.get("type", "")
    if kind == "vector":
        dtype = "bool_" if of == "bool" else of
        return f"{name}: Vector[np.{dtype}] = vector(np.{dtype})"
    if kind == "children":
        return f"{name}: Tables[{of}] = tables({of})"
    if kind == "child":
        return f"{name}: {of} | None = table({of})"
    if kind == "text":
        return f"{name}: str | None = string()"
    if kind == "union":
        return f"{name}: Table | None = union()"
    default = f"{field['default']:g}" if field["default"] else ""
    return f"{name}: {PYTHON_TYPES.get(of, 'int')} = {of.replace('bool', 'boolean')}({default})"


def main(arguments: list[str] | None = None) -> int:
    """Print the differences; 0 if there are none."""
    parser = argparse.ArgumentParser(description="Compare the declared .tflite schema with generated code.")
    parser.add_argument("--write", action="store_true", help="record the newest generated schema for the tests")
    options = parser.parse_args(arguments)
    theirs = installed()
    if not theirs:
        print(f"none of {', '.join(GENERATED)} is installed", file=sys.stderr)
        return 2
    if options.write:
        SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
        SNAPSHOT.write_text(json.dumps(newest(list(theirs.values())), indent=1) + "\n", encoding="utf-8")
        print(f"wrote {SNAPSHOT.relative_to(ROOT)} from {', '.join(theirs)}")
    ours = declared()
    lines = [f"{package}: {line}" for package, schema in theirs.items() for line in missing(ours, schema)]
    lines += surplus(ours, list(theirs.values()))
    print("\n".join(lines) or f"the declaration equals {' and '.join(theirs)}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())

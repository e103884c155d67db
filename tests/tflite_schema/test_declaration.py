"""The declaration equals the code generated from schema.fbs: every table, slot, storage, default and enum member."""

from __future__ import annotations

import importlib
import json
from enum import IntEnum

import pytest

import tflite_schema
from tflite_schema import TABLES
from tools import schema_diff


@pytest.fixture(scope="module")
def ours() -> schema_diff.Schema:
    return schema_diff.declared()


@pytest.mark.parametrize("package", schema_diff.GENERATED)
def test_nothing_is_missing_or_different(package: str, ours: schema_diff.Schema) -> None:
    module = pytest.importorskip(schema_diff.GENERATED[package], reason=f"{package} is not installed")
    theirs = schema_diff.generated(module)
    assert len(theirs["tables"]) >= 169
    assert len(theirs["enums"]["BuiltinOperator"]) >= 210
    assert schema_diff.missing(ours, theirs) == []


def test_nothing_is_missing_or_surplus_against_the_snapshot(ours: schema_diff.Schema) -> None:
    snapshot = json.loads(schema_diff.SNAPSHOT.read_text(encoding="utf-8"))
    assert schema_diff.missing(ours, snapshot) == []
    assert schema_diff.surplus(ours, [snapshot]) == []


def test_the_snapshot_is_the_newest_installed_schema() -> None:
    for module in schema_diff.GENERATED.values():
        pytest.importorskip(module, reason=f"{module} is not installed")
    modules = [importlib.import_module(name) for name in schema_diff.GENERATED.values()]
    newest = schema_diff.newest([schema_diff.generated(module) for module in modules])
    assert json.loads(schema_diff.SNAPSHOT.read_text(encoding="utf-8")) == newest


def test_a_grown_schema_is_noticed(ours: schema_diff.Schema) -> None:
    theirs = json.loads(schema_diff.SNAPSHOT.read_text(encoding="utf-8"))
    theirs["tables"]["GeluOptions"]["1"] = {"name": "NewField", "kind": "vector", "type": "int32"}
    theirs["tables"]["AddOptions"]["1"]["default"] = 0.0
    theirs["enums"]["Padding"]["FULL"] = 2
    del theirs["tables"]["TileOptions"]
    assert schema_diff.missing(ours, theirs) == [
        "AddOptions, slot 1: pot_scale_int16: bool = boolean(1), should be pot_scale_int16: bool = boolean()",
        "GeluOptions, slot 1: add new_field: Vector[np.int32] = vector(np.int32)",
        "enum Padding: add FULL = 2",
    ]
    assert schema_diff.surplus(ours, [theirs]) == ["TileOptions: in no generated schema"]


def test_every_member_of_a_union_names_a_table() -> None:
    tags = {field.enum for table in TABLES.values() for field in table.FIELDS if field.kind == "tag"}
    assert {tag.__name__ for tag in tags} == {
        "BuiltinOptions",
        "BuiltinOptions2",
        "QuantizationDetails",
        "SparseIndexVector",
    }
    for tag in tags:
        assert [member.name for member in tag if member.name not in TABLES] == ["NONE"]


def test_every_table_and_enum_is_exported() -> None:
    enums = {name for name, kind in vars(tflite_schema).items() if isinstance(kind, type) and issubclass(kind, IntEnum)}
    assert set(TABLES) | enums <= set(tflite_schema.__all__)
    assert all(hasattr(tflite_schema, name) for name in tflite_schema.__all__)

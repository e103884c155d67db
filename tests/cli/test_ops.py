from __future__ import annotations

import json

from qcore.cli.ops import available, evidence
from qcore.op import module_name
from tests.cli.conftest import Cli
from tflite_schema import BuiltinOperator


def test_every_operator_with_a_file_is_listed(cli: Cli) -> None:
    assert "ADD" in cli("ops").out
    table = json.loads(cli("ops", "--json").out)
    assert {"float32", "int8", "uint8"} <= set(table["ADD"])
    assert list(table) == [code.name for code, _ in available()]


def test_the_evidence_is_of_operators_that_exist_and_without_mismatch() -> None:
    assert evidence(), "run `make conformance`, and commit what it wrote"
    names = {code.name for code, _ in available()}
    for operator, cells in evidence().items():
        assert operator in names, f"{operator} was compared, but has no file"
        for variant, cell in cells.items():
            assert cell["mismatches"] == 0, f"{operator} {variant}"
            assert cell["values"] > 0, f"{operator} {variant}"
    assert {module_name(BuiltinOperator[name]) for name in evidence()}

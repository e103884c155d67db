from __future__ import annotations

import json

from qcore.cli.ops import available, data
from tests.cli.conftest import Cli


def test_every_operator_with_a_file_is_listed(cli: Cli) -> None:
    assert "ADD" in cli("ops").out
    table = json.loads(cli("ops", "--json").out)
    assert {"float32", "int8", "uint8"} <= set(table["ADD"])
    assert list(table) == [code.name for code, _ in available()]


def test_the_evidence_is_of_operators_that_exist_and_without_mismatch() -> None:
    evidence = data("evidence.json")
    assert evidence, "run `make conformance`, and commit what it wrote"
    names = {code.name for code, _ in available()}
    for operator, cells in evidence.items():
        assert operator in names, f"{operator} was compared, but has no file"
        for variant, cell in cells.items():
            assert cell["mismatches"] == 0, f"{operator} {variant}"
            assert cell["values"] > 0, f"{operator} {variant}"


def test_what_is_absent_is_listed_with_its_reason(cli: Cli) -> None:
    shown = cli("ops", "--absent").out
    reasons = json.loads(cli("ops", "--absent", "--json").out)
    assert "CONCAT_EMBEDDINGS" in shown
    assert reasons["CONCAT_EMBEDDINGS"] == {"*": "TFLite 2.21 registers no kernel for it"}

from __future__ import annotations

import json

from qcore.cli.ops import available, data
from tests.cli.conftest import Cli
from tools import kernel_set_table


def test_every_operator_with_a_file_is_listed(cli: Cli) -> None:
    assert "ADD" in cli("ops").out
    table = json.loads(cli("ops", "--json").out)
    assert {"float32", "int8", "uint8"} <= set(table["ADD"])
    assert list(table) == [code.name for code, _ in available()]


def test_the_evidence_is_of_operators_that_exist_and_without_mismatch() -> None:
    tables = {"reference": data("evidence.json"), **data("kernel_sets.json")}
    names = {code.name for code, _ in available()}
    for kernels, evidence in tables.items():
        assert evidence, f"{kernels}: run `make conformance`, and commit what it wrote"
        for operator, cells in evidence.items():
            assert operator in names, f"{operator} was compared, but has no file"
            for variant, cell in cells.items():
                assert cell["mismatches"] == 0, f"{kernels} {operator} {variant}"
                refused = kernels != "reference" and cell.get("refused", 0) == cell["models"]
                assert (cell["values"] == 0) == refused, f"{kernels} {operator} {variant}"


def test_the_page_on_kernel_sets_shows_what_was_counted() -> None:
    text = kernel_set_table.PAGE.read_text(encoding="utf-8")
    assert text == kernel_set_table.page(text, data("kernel_sets.json")), "run: python -m tools.kernel_set_table"


def test_one_kernel_set_type_by_type(cli: Cli) -> None:
    cells = json.loads(cli("ops", "--kernels", "xnnpack", "--json").out)
    assert cells["CONV_2D"]["int8"]["by_xnnpack"] == cells["CONV_2D"]["int8"]["values"] > 0
    assert cells["AVERAGE_POOL_2D"]["int8"]["by_xnnpack"] == 0
    whole = json.loads(cli("ops", "--json").out)
    assert whole["CONV_2D"]["int8"]["xnnpack"] == cells["CONV_2D"]["int8"]
    shown = cli("ops", "--kernels", "xnnpack").out
    assert f"{cells['CONV_2D']['int8']['values']:,}" in shown
    assert "is not known" in " ".join(shown.split())


def test_a_set_nothing_was_compared_under_is_refused(cli: Cli) -> None:
    answer = cli("ops", "--kernels", "fast")
    assert answer.code == 2
    assert "choose one of" in answer.err


def test_what_is_absent_is_listed_with_its_reason(cli: Cli) -> None:
    shown = cli("ops", "--absent").out
    reasons = json.loads(cli("ops", "--absent", "--json").out)
    assert "CONCAT_EMBEDDINGS" in shown
    assert reasons["CONCAT_EMBEDDINGS"] == {"*": "TFLite 2.21 registers no kernel for it"}

from __future__ import annotations

import json
from pathlib import Path

import qcore
from tests.cli.conftest import Cli
from tests.graphs import chain_of_adds
from tests.test_executors import mixed


def test_operators_tensors_and_signatures_are_listed(cli: Cli, model_file: Path) -> None:
    outcome = cli("show", model_file, "--tensors")
    assert outcome.code == 0
    assert "signature serving_default: a -> sum" in outcome.out
    assert outcome.out.count("ADD") == 2
    assert "middle" in outcome.out
    assert "constant" in outcome.out


def test_json(cli: Cli, model_file: Path) -> None:
    shown = json.loads(cli("show", model_file, "--json").out)
    (graph,) = shown["subgraphs"]
    assert [op["name"] for op in graph["operators"]] == ["ADD", "ADD"]
    assert graph["tensors"][1] == {
        "name": "one",
        "type": "FLOAT32",
        "shape": [1],
        "shape_signature": None,
        "constant": True,
    }


def test_bad_files_exit_with_3_and_say_why(cli: Cli, tmp_path: Path) -> None:
    missing = cli("show", tmp_path / "none.tflite")
    assert missing.code == 3
    assert "cannot be read" in missing.err
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x10\x00\x00\x00TFL3")
    outcome = cli("show", broken)
    assert outcome.code == 3
    assert outcome.err.startswith("error: ")


def test_no_arguments_is_a_usage_error(cli: Cli) -> None:
    assert cli("show").code == 2


def test_executors_are_listed_with_reasons_and_gaps(cli: Cli, tmp_path: Path) -> None:
    qcore.save(mixed(), tmp_path / "mixed.tflite")
    outcome = cli("show", tmp_path / "mixed.tflite", "--kernels", "xnnpack@litert-2.3")
    assert outcome.code == 0
    rows = [" ".join(line.split()) for line in outcome.out.partition("under the kernel set")[2].splitlines()]
    assert "0 ADD xnnpack@litert-2.3 XNNPACK delegates" in rows
    assert "2 SOFTMAX optimized@litert-2.3 XNNPACK has it not in int8" in rows
    assert any(row.startswith("1 Twice not known: custom operator") for row in rows), rows
    shown = json.loads(cli("show", tmp_path / "mixed.tflite", "--kernels", "xnnpack", "--json").out)
    executors = [op["executor"] for op in shown["subgraphs"][0]["operators"]]
    assert executors[0] == {"kernels": "xnnpack", "refused": None, "unknown": None, "close": False}
    assert executors[1]["kernels"] is None
    assert executors[2] == {
        "kernels": "optimized",
        "refused": "XNNPACK has it not in int8",
        "unknown": None,
        "close": False,
    }


def test_markup_in_what_a_model_says_is_text(cli: Cli, tmp_path: Path) -> None:
    model = chain_of_adds()
    model.description = "a[/b]"
    model.signatures[0].signature_key = "[/]"
    qcore.save(model, tmp_path / "[m].tflite")
    shown = cli("show", tmp_path / "[m].tflite")
    assert shown.code == 0
    assert "[m].tflite" in shown.out
    assert "description: a[/b]" in shown.out
    assert "signature [/]:" in shown.out

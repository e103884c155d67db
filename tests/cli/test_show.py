from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Cli


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

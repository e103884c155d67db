from __future__ import annotations

import json
from pathlib import Path

import pytest

from qcore.tflite import save
from tests.auditor.differ.pairs import float_model, quantized
from tests.cli.conftest import Cli


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(float_model(), tmp_path / "float.tflite")
    save(quantized(), tmp_path / "a.tflite")
    save(quantized("weight_only_int8"), tmp_path / "b.tflite")
    return tmp_path


def test_exit_codes(cli: Cli, folder: Path) -> None:
    assert cli("diff", folder / "a.tflite", folder / "a.tflite").code == 0
    assert cli("diff", folder / "a.tflite", folder / "b.tflite").code == 1
    assert cli("diff", folder / "a.tflite").code == 2
    (folder / "bad.tflite").write_bytes(b"bad")
    assert cli("diff", folder / "a.tflite", folder / "bad.tflite").code == 3
    beside = ("--float", folder / "float.tflite")
    assert cli("diff", folder / "a.tflite", folder / "a.tflite", *beside).code == 0
    assert cli("diff", folder / "a.tflite", folder / "b.tflite", *beside).code == 1


def test_what_is_printed(cli: Cli, folder: Path) -> None:
    shown = cli("diff", folder / "float.tflite", folder / "b.tflite").out
    assert "+ none -> 0 DEQUANTIZE" in shown
    assert "~ 7 -> 10 FULLY_CONNECTED  functional_1_1/logits_1/BiasAdd" in shown
    assert "    weights type: float32 -> int8" in shown
    assert "3 changed, 3 added, 0 removed, 0 renamed, 6 same operators" in shown
    assert "MAX_POOL_2D" not in shown
    assert "  4 -> 7 MAX_POOL_2D" in cli("diff", folder / "float.tflite", folder / "b.tflite", "--all").out


def test_names(cli: Cli, folder: Path) -> None:
    model = quantized()
    model.main.tensors[model.main.operators[4].outputs[0]].name = "pooled"
    save(model, folder / "renamed.tflite")
    shown = cli("diff", folder / "a.tflite", folder / "renamed.tflite")
    assert (shown.code, shown.out.splitlines()[-1]) == (1, "only names differ; --all lists them")
    assert "-> pooled" not in shown.out
    assert "-> pooled" in cli("diff", folder / "a.tflite", folder / "renamed.tflite", "--all").out


def test_side_by_side(cli: Cli, folder: Path) -> None:
    arguments = ("diff", folder / "a.tflite", folder / "b.tflite", "--float", folder / "float.tflite")
    shown = cli(*arguments).out
    assert "7 FULLY_CONNECTED  functional_1_1/logits_1/BiasAdd" in shown
    assert "    A: int8 v4; weights int8, 10 scales along axis 0, SQNR 42.4 dB; bias int32; result int8, scale" in shown
    assert "    B: weight only v1; weights int8, 10 scales along axis 0, SQNR 42.4 dB; bias float32; after" in shown
    assert "A adds 1 DEQUANTIZE, 1 QUANTIZE\nB adds 3 DEQUANTIZE\n" in shown
    table = json.loads(cli(*arguments, "--json").out)
    assert (table["same"], table["added_b"]) == (False, {"DEQUANTIZE": 3})
    assert table["operators"][7]["b"]["scheme"] == "weight only"


def test_json(cli: Cli, folder: Path) -> None:
    table = json.loads(cli("diff", folder / "float.tflite", folder / "a.tflite", "--json").out)
    (conv,) = (op for op in table["graphs"][0]["operators"] if op["a"] == 0)
    assert conv["status"] == "changed"
    assert {"where": "operator", "what": "version", "a": "1", "b": "3", "measures": {}} in conv["changes"]

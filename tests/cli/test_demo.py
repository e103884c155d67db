from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from tests.cli.conftest import Cli


def test_the_demo_keeps_its_promises(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "digits_int8.tflite"
    shown = json.loads(cli("demo", "-o", target, "--json").out)
    assert target.stat().st_size == shown["bytes_int8"]
    assert shown["accuracy_float"] >= 0.97
    assert shown["accuracy_int8"] >= shown["accuracy_float"] - 0.01
    assert shown["images"] >= 300
    assert all(layer["sqnr"] > 15 for layer in shown["layers"] if layer["scale"] is not None)


def test_the_explained_number_adds_up(cli: Cli, tmp_path: Path) -> None:
    shown = json.loads(cli("demo", "-o", tmp_path / "d.tflite", "--json").out)
    explained = shown["explained"]
    assert abs(explained["real"] - shown["exact"]) < 1.0
    assert explained["steps"][-1]["name"] == "clamp"
    assert explained["steps"][0]["value"] == sum(product for *_, product in explained["taps"]["products"])
    text = cli("demo", "-o", tmp_path / "e.tflite").out
    assert "x smaller" in text
    assert "SQNR" in text
    assert "in float it is" in text


def test_the_bundled_data_is_small() -> None:
    folder = files("qcore") / "data"
    size = sum(len((folder / name).read_bytes()) for name in ("digits_float.tflite", "digits.npz"))
    assert size < 400_000

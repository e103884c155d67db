from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from qcore import Interpreter, load
from tests.cli.conftest import Cli
from tflite_schema import TensorType


def test_data_in_int8_model_out(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.tflite"
    borders = ("--inference-input-type", "int8", "--inference-output-type", "int8")
    outcome = cli("quantize", model_file, "-d", samples_file, "-o", target, *borders, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["float_operators"] == []
    model = load(target)
    assert {model.main.tensors[i].type for i in (*model.main.inputs, *model.main.outputs)} == {TensorType.INT8}
    assert Interpreter(target).run(np.zeros((1, 3), np.int8))[0].dtype == np.int8


def test_saved_statistics_serve_as_well(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    statistics, direct, indirect = (tmp_path / name for name in ("ranges.json", "a.tflite", "b.tflite"))
    assert cli("calibrate", model_file, "-d", samples_file, "-o", statistics).code == 0
    assert cli("quantize", model_file, "-d", samples_file, "-o", direct).code == 0
    assert cli("quantize", model_file, "-s", statistics, "-o", indirect).code == 0
    assert direct.read_bytes() == indirect.read_bytes()


def test_wrong_calls_write_nothing(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.tflite"
    assert cli("quantize", model_file, "-o", target).code == 2
    assert "no recipe 'int5'" in cli("quantize", model_file, "-o", target, "-r", "int5").err
    assert cli("quantize", model_file, "-o", target, "-d", samples_file, "-s", samples_file).code == 2
    assert not target.exists()

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from qcore import Calibration
from qcore.tflite import to_bytes
from tests.cli.conftest import Cli
from tests.quantizer.recurrent import FORMS
from tests.test_intermediates import model_of, samples_of


def test_statistics_are_written(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "ranges.json"
    outcome = cli("calibrate", model_file, "-d", samples_file, "-o", target, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["samples"] == 20
    samples = np.load(samples_file)["x"]
    low, high = Calibration.load(target).ranges()[3]
    assert low == (samples + np.float32(1) + samples).min()
    assert high == (samples + np.float32(1) + samples).max()


def test_wrong_samples_are_a_usage_error(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "wrong.npz", x=np.zeros((4, 7), np.float32))
    outcome = cli("calibrate", model_file, "-d", tmp_path / "wrong.npz", "-o", tmp_path / "r.json")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert not (tmp_path / "r.json").exists()


def test_an_lstm_has_ranges_that_are_no_tensors_of_the_file(cli: Cli, tmp_path: Path) -> None:
    model = model_of(FORMS["plain"])
    (tmp_path / "lstm.tflite").write_bytes(to_bytes(model))
    np.savez(tmp_path / "x.npz", input0=np.stack([sample for [sample] in samples_of(model)])[:, 0])
    outcome = cli("calibrate", tmp_path / "lstm.tflite", "-d", tmp_path / "x.npz", "-o", tmp_path / "r.json", "--json")
    assert outcome.code == 0, outcome.err
    assert "intermediate_0_4" in json.loads(outcome.out)["ranges"]

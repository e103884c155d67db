from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore import Calibration, calibrate
from tests.cli.conftest import Cli
from tests.graphs import chain_of_adds


def test_a_method_and_its_parameters(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "ranges.json"
    how = ("--method", "percentile", "-p", "percentile=90.5", "-p", "passes=2")
    outcome = cli("calibrate", model_file, "-d", samples_file, "-o", target, *how, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["method"] == "percentile"
    samples = np.load(samples_file)["x"]
    direct = calibrate(chain_of_adds(), samples, method="percentile", percentile=90.5, passes=2)
    assert Calibration.load(target).statistics == direct.statistics
    assert Calibration.load(target).parameters == direct.parameters


def test_quantize_calibrates_in_the_same_way(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    statistics, direct, indirect = (tmp_path / name for name in ("ranges.json", "a.tflite", "b.tflite"))
    how = ("-m", "moving_average", "-p", "smoothing=0.5")
    assert cli("calibrate", model_file, "-d", samples_file, "-o", statistics, *how).code == 0
    assert cli("quantize", model_file, "-s", statistics, "-o", indirect).code == 0
    assert cli("quantize", model_file, "-d", samples_file, "-o", direct, *how).code == 0
    assert direct.read_bytes() == indirect.read_bytes()
    outcome = cli("quantize", model_file, "-s", statistics, "-o", direct, "--force", *how)
    assert outcome.code == 2
    assert "--bias-correction look at samples; they go with --data" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "median"), "no range method 'median'"),
        (("-p", "bins=7"), "min_max has no bins"),
        (("-m", "mse", "-p", "bins=x"), "--parameter 'bins=x' is not NAME=VALUE with a number"),
        (("-m", "mse", "-p", "bins"), "--parameter 'bins' is not NAME=VALUE"),
        (("-m", "mse", "-p", "progress=1"), "mse has no progress"),
        (("-m", "mse", "-p", "bins=3"), "bins is 3; it is a whole number"),
        (("-m", "mse", "--in-place-rule"), "the in-place rule is of TFLite's min_max"),
    ],
)
def test_wrong_methods(
    cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = cli("calibrate", model_file, "-d", samples_file, "-o", tmp_path / "r.json", *arguments)
    assert (outcome.code, message in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "r.json").exists()

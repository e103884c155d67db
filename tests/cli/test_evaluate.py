from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore import Interpreter, save
from tests.cli.conftest import Cli
from tests.test_evaluator import LABELS, SAMPLES, dense, int8


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A float model, an int8 one, and samples whose labels are what the float model answers."""
    plain = dense()
    save(plain, tmp_path / "float.tflite")
    save(int8(plain), tmp_path / "int8.tflite")
    interpreter = Interpreter(plain)
    answers = np.array([interpreter.run(sample[None])[0].argmax() for sample in SAMPLES])
    np.savez(tmp_path / "d.npz", x=SAMPLES, y=answers)
    return tmp_path / "float.tflite", tmp_path / "int8.tflite", tmp_path / "d.npz"


def test_a_table_side_by_side(cli: Cli, files: tuple[Path, Path, Path]) -> None:
    plain, small, data = files
    outcome = cli("evaluate", plain, small, "-d", data)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == "60 samples, 60 labels"
    assert lines[1].split() == ["model", "top-1", "top-5", "agrees", "SQNR", "bytes", "gzip", "ms"]
    assert lines[2].split()[:3] == [plain.name, "100.00%", "100.00%"]
    assert f"{small.stat().st_size:,}" in lines[3]
    assert lines[3].split()[3].endswith("%")
    assert " dB" in lines[3]
    assert float(lines[3].split()[-1]) > 0
    again = cli("evaluate", plain, plain, "-d", data).out
    assert str(plain) in "".join(line.partition(" ")[0] for line in again.splitlines())  # long paths are folded


def test_json_and_labels(cli: Cli, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    plain, small, _ = files
    np.save(tmp_path / "x.npy", SAMPLES)
    np.save(tmp_path / "labels.npy", LABELS)
    outcome = cli("evaluate", plain, small, small, "-d", tmp_path / "x.npy", "-l", tmp_path / "labels.npy", "--json")
    assert outcome.code == 0, outcome.err
    shown = json.loads(outcome.out)
    assert [model["name"] for model in shown["models"]] == [str(plain), str(small), str(small)]
    assert shown["models"][0]["labelled"] == 60
    assert shown["models"][1]["sqnr"] == shown["models"][2]["sqnr"]
    assert shown["over_budget"] == []
    assert cli("evaluate", plain, small, "-d", tmp_path / "x.npy", "-l", tmp_path / "none.npy").code == 2


def test_the_budget_decides_the_exit_code(cli: Cli, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Another model answers otherwise; the float model is right by definition of the labels."""
    plain, _, data = files
    other = tmp_path / "other.tflite"
    save(dense(seed=2), other)
    with np.load(data) as archive:
        labels = archive["y"]
    answers = [Interpreter(other).run(sample[None])[0].argmax() for sample in SAMPLES]
    lost = 100 * float(np.mean(answers != labels))
    assert lost > 10
    call = ("evaluate", plain, other, "-d", data, "--budget")
    assert cli(*call, lost + 0.01).code == 0
    outcome = cli(*call, lost - 0.01)
    assert outcome.code == 1
    assert f"over budget: {other} is {lost:.3g} percentage points less accurate" in outcome.err
    assert json.loads(cli(*call, lost - 0.01, "--json").out)["over_budget"] == [str(other)]
    assert cli("evaluate", other, plain, "-d", data, "--budget", 0).code == 0
    assert cli(*call, -1).code == 2


def test_wrong_calls(cli: Cli, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    plain, small, data = files
    np.savez(tmp_path / "x.npz", x=SAMPLES)
    assert "needs class labels" in cli("evaluate", plain, small, "-d", tmp_path / "x.npz", "--budget", 1).err
    assert cli("evaluate", plain, small, "-d", tmp_path / "x.npz", "--budget", 1).code == 2
    assert cli("evaluate", plain, "-d", data).code == 2
    assert "no array 'none'; there are 'x'" in cli("evaluate", plain, small, "-d", tmp_path / "x.npz", "-l", "none").err
    assert cli("evaluate", plain, tmp_path / "none.tflite", "-d", tmp_path / "x.npz").code == 3

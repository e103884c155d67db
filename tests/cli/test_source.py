from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from qcore import Interpreter, load
from qcore.cli import source
from qcore.ir import Model
from tests.cli.conftest import Cli
from tests.frontends.conftest import INPUT, package, small_net
from tests.graphs import chain_of_adds


def noisy(path: Path) -> Model:
    os.write(1, b"Saved artifact\n")
    os.write(2, b"I0000 cudart_stub.cc\n")
    return chain_of_adds()


def test_tensorflow_is_silenced_and_the_conversion_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(source, "convert", noisy)
    monkeypatch.setenv("COLUMNS", "200")
    model = source.read_model(tmp_path)
    captured = capfd.readouterr()
    assert [op.name for op in model.main.operators] == ["ADD", "ADD"]
    assert captured.out == ""
    assert captured.err == f"converting {tmp_path} with TensorFlow\n"
    print("heard again")
    assert capfd.readouterr().out == "heard again\n"


def test_an_error_is_heard(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("show", tmp_path)
    assert outcome.code == 3
    assert "a folder without saved_model.pb is no model" in outcome.err


def test_commands_take_keras_files_and_saved_models(cli: Cli, tmp_path: Path) -> None:
    net = small_net(package("keras"))
    net.save(tmp_path / "net.keras")
    net.export(tmp_path / "saved", verbose=False)
    np.save(tmp_path / "d.npy", np.repeat(INPUT, 3, 0))
    outcome = cli("quantize", tmp_path / "net.keras", "-d", tmp_path / "d.npy", "-o", tmp_path / "a.tflite", "--json")
    assert outcome.code == 0, outcome.err
    shown = json.loads(outcome.out)
    assert shown["bytes"] < shown["float_bytes"]
    assert shown["float_bytes"] == source.file_size(tmp_path / "net.keras", source.read_model(tmp_path / "net.keras"))
    np.save(tmp_path / "x.npy", INPUT)
    outcome = cli("run", tmp_path / "saved", "-i", tmp_path / "x.npy", "--json")
    assert outcome.code == 0, outcome.err
    (value,) = (entry["values"] for entry in json.loads(outcome.out).values())
    np.testing.assert_allclose(value, np.asarray(net(INPUT)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(Interpreter(load(tmp_path / "a.tflite")).run(INPUT)[0], value, rtol=0, atol=0.02)
    assert cli("calibrate", tmp_path / "saved", "-d", tmp_path / "d.npy", "-o", tmp_path / "ranges.json").code == 0
    assert "CONV_2D" in cli("show", tmp_path / "saved").out

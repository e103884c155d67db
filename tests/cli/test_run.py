from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import qcore
from tests.auditor.cases import dense
from tests.cli.conftest import Cli
from tests.graphs import chain_of_adds


def test_outputs_are_printed(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1, 2, 3]], np.float32))
    outcome = cli("run", model_file, "-i", tmp_path / "x.npy", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["y"] == {"dtype": "float32", "shape": [1, 3], "values": [[3, 5, 7]]}
    assert "3 5 7" in cli("run", model_file, "-i", tmp_path / "x.npy").out


def test_every_tensor_can_be_written(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([[1, 2, 3]], np.float32))
    target = tmp_path / "y.npz"
    assert cli("run", model_file, "-i", tmp_path / "x.npz", "-o", target, "--all-tensors").code == 0
    with np.load(target) as written:
        assert set(written.files) == {"x", "one", "middle", "y"}
        np.testing.assert_array_equal(written["middle"], np.array([[2, 3, 4]], np.float32))


def test_random_inputs_repeat(cli: Cli, model_file: Path) -> None:
    assert cli("run", model_file, "--random", 3).out == cli("run", model_file, "--random", 3).out


def test_nothing_is_overwritten_unasked(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "y.npz"
    target.write_bytes(b"mine")
    outcome = cli("run", model_file, "--random", 0, "-o", target)
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert target.read_bytes() == b"mine"
    assert cli("run", model_file, "--random", 0, "-o", target, "--force").code == 0


def test_wrong_data_is_a_usage_error(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3)))
    outcome = cli("run", model_file, "-i", tmp_path / "x.npy")
    assert outcome.code == 2
    assert "float32, got float64" in outcome.err
    (tmp_path / "text.npy").write_text("not an array")
    assert "cannot be read" in cli("run", model_file, "-i", tmp_path / "text.npy").err
    assert "--random" in cli("run", model_file).err


def test_kernels_choose_the_arithmetic(cli: Cli, tmp_path: Path) -> None:
    case = dense(585)
    qcore.save(case.model(), tmp_path / "dense.tflite")
    np.save(tmp_path / "x.npy", case.feeds()[0])
    found = {}
    for kernels in ("reference", "optimized", "xnnpack"):
        outcome = cli("run", tmp_path / "dense.tflite", "-i", tmp_path / "x.npy", "--kernels", kernels, "--json")
        (result,) = json.loads(outcome.out).values()
        found[kernels] = result["values"][0][0]
    assert found == {"reference": -119, "optimized": -119, "xnnpack": -120}


def test_outputs_of_one_name_are_all_kept(cli: Cli, tmp_path: Path) -> None:
    model = chain_of_adds()
    model.main.outputs = (2, 3)
    model.main.tensors[2].name = "y"
    qcore.save(model, tmp_path / "two.tflite")
    target = tmp_path / "y.npz"
    assert cli("run", tmp_path / "two.tflite", "--random", 0, "-o", target).code == 0
    with np.load(target) as written:
        assert set(written.files) == {"y", "y:3"}


def test_a_write_that_fails_leaves_what_was_there(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "y.npz"
    assert cli("run", model_file, "--random", 0, "-o", target).code == 0
    before = target.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", _refuse)
        failed = cli("run", model_file, "--random", 1, "-o", target, "--force")
    assert failed.code == 2
    assert "error: a file: no" in failed.err
    assert target.read_bytes() == before


def _refuse(*_: object) -> None:
    raise OSError("no")

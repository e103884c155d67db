from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.conftest import Cli


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

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore.tflite import save
from tests.auditor.cases import dense
from tests.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    case = dense(585)
    save(case.model([(1, 1)]), tmp_path / "dense.tflite")
    np.save(tmp_path / "x.npy", case.feeds()[0][None])
    return str(tmp_path / "dense.tflite"), str(tmp_path / "x.npy")


def test_a_difference_is_exit_code_1(cli: Cli, files: tuple[str, str]) -> None:
    shown = cli("compare", files[0], "-d", files[1], "--kernels-b", "xnnpack")
    assert shown.code == 1
    assert "1 values of 1 tensors in 1 samples; 1 differ" in shown.out
    table = json.loads(cli("compare", files[0], "-d", files[1], "--kernels-b", "xnnpack", "--json").out)
    assert not table["equal"]
    assert table["tensors"][0]["accumulated"]["differing"] == 1


def test_equal_models_are_exit_code_0(cli: Cli, files: tuple[str, str]) -> None:
    shown = cli("compare", files[0], files[0], "--random", "3")
    assert shown.code == 0
    assert "0 differ" in shown.out


@pytest.mark.parametrize("arguments", [["--random", "1"], ["--kernels-b", "xnnpack"], ["--random", "1", "-d", "x.npy"]])
def test_wrong_calls(cli: Cli, files: tuple[str, str], arguments: list[str]) -> None:
    assert cli("compare", files[0], *arguments).code == 2

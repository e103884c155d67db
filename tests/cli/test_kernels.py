from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import qcore
from tests.cli.conftest import Cli
from tests.graphs import int8_add

RUNNING = ("run", "explain", "compare", "why", "evaluate", "export")
"""The commands that run a model to see its numbers; calibration reproduces TFLite's calibrator, which has one set."""


@pytest.mark.parametrize("command", ["show", *RUNNING])
def test_the_choice_and_its_qualified_names_are_explained(cli: Cli, command: str) -> None:
    shown = " ".join(cli(command, "--help").out.replace("│", " ").split())
    for word in ("reference, optimized, xnnpack", "xnnpack@litert-2.3", "optimized-arm", "not measured"):
        assert word in shown, f"{command}: {word}"


@pytest.mark.parametrize("name", ["fast", "xnnpack@1.0", "reference-arm", "tensorflow/reference", ""])
def test_another_name_is_a_usage_error(cli: Cli, model_file: Path, name: str) -> None:
    outcome = cli("run", model_file, "--random", 0, "--kernels", name)
    assert outcome.code == 2
    assert "kernels=" in outcome.err


@pytest.mark.parametrize("option", ["--kernels", "--kernels-b"])
def test_another_runtime_is_a_usage_error(cli: Cli, model_file: Path, option: str) -> None:
    outcome = cli("compare", model_file, "--random", 0, option, "tensorflow/fast")
    assert outcome.code == 2
    assert "litert/xnnpack" in outcome.err


def test_every_command_that_runs_a_model_takes_a_qualified_name(cli: Cli, tmp_path: Path) -> None:
    model, x, dump = tmp_path / "add.tflite", tmp_path / "x.npz", tmp_path / "y.npz"
    qcore.save(int8_add(), model)
    np.savez(x, a=np.full((2, 4), 100, np.int8), b=np.full((2, 4), -100, np.int8))
    chosen = ["--kernels", "xnnpack@litert-2.3"]
    assert cli("run", model, "-i", x, "-o", dump, *chosen).code == 0
    assert cli("explain", model, "-i", x, "--op", 0, *chosen).code == 0
    assert cli("why", model, "-i", x, "--dump", dump, *chosen).code == 0
    assert cli("export", model, "-i", x, "-o", tmp_path / "add.h", "--format", "c", *chosen).code == 0
    assert cli("compare", model, "--random", 0, "--kernels-b", "optimized-arm", *chosen).code == 0
    np.savez(x, a=np.ones((3, 2, 4), np.float32), b=np.ones((3, 2, 4), np.float32))
    assert cli("evaluate", model, model, "-d", x, *chosen).code == 0

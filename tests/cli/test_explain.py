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
    save(case.model(), tmp_path / "dense.tflite")
    np.save(tmp_path / "x.npy", case.feeds()[0])
    return str(tmp_path / "dense.tflite"), str(tmp_path / "x.npy")


def test_one_number(cli: Cli, files: tuple[str, str]) -> None:
    shown = cli("explain", files[0], "--op", "0", "--at", "0,0", "-i", files[1])
    assert shown.code == 0
    assert "117 *     5 =        585" in shown.out
    assert "the result is -119" in shown.out
    table = json.loads(cli("explain", files[0], "--op", "0", "-i", files[1], "--json").out)
    assert table["value"] == -119
    assert table["taps"]["products"] == [[[0, 0], [0, 0], 117, 5, 585]]


def test_under_every_kernel_set_a_difference_is_exit_code_1(cli: Cli, files: tuple[str, str]) -> None:
    shown = cli("explain", files[0], "--op", "0", "-i", files[1], "--all-kernels")
    assert shown.code == 1
    assert "a tie, becomes 6" in " ".join(shown.out.split())
    table = json.loads(cli("explain", files[0], "--op", "0", "-i", files[1], "--all-kernels", "--json").out)
    assert table["kernels"]["xnnpack"]["value"] == -120


@pytest.mark.parametrize("arguments", [["--at", "x"], ["--at", "0,9"], ["--op", "5"]])
def test_wrong_places_are_usage_errors(cli: Cli, files: tuple[str, str], arguments: list[str]) -> None:
    operator = [] if "--op" in arguments else ["--op", "0"]
    assert cli("explain", files[0], *operator, *arguments, "-i", files[1]).code == 2


def test_pages_to_teach_from(cli: Cli, files: tuple[str, str], tmp_path: Path) -> None:
    call = ("explain", files[0], "--op", 0, "-i", files[1])
    page, text = tmp_path / "lesson.html", tmp_path / "lesson.md"
    assert cli(*call, "--html", page, "--markdown", text).code == 0
    assert "<h1>Operator 0 FULLY_CONNECTED" in page.read_text()
    assert text.read_text().startswith("# Operator 0 FULLY")
    assert cli(*call, "--html", page).code == 2
    outcome = cli(*call, "--all-kernels", "--markdown", "-", "--html", page, "--force")
    assert outcome.code == 1
    assert "| result | -119 | -119 | -120 |" in outcome.out
    assert "Under each kernel set" in page.read_text()

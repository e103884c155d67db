from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer

from qcore.cli.console import fail, guard, print_json, print_table, progress_bar


@dataclass(frozen=True)
class Row:
    name: str
    value: float


def test_json_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": np.float32(1.5), "b": [np.arange(2), float("inf")], "c": b"x", "d": Row("r", 2.0)})
    expected = {"a": 1.5, "b": [[0, 1], "inf"], "c": "x", "d": {"name": "r", "value": 2.0}}
    assert json.loads(capsys.readouterr().out) == expected


def test_errors_go_to_stderr_and_brackets_survive(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail("shape [1, 2] is odd").exit_code == 2
    captured = capsys.readouterr()
    assert captured.err.strip() == "error: shape [1, 2] is odd"
    assert captured.out == ""


def test_tables_show_brackets_and_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("title", ["name", "n"], [["[bold]", 1], [None, 2]], right="n")
    assert "[bold]" in capsys.readouterr().out


def test_guard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    guard(file, force=False)
    file.touch()
    guard(file, force=True)
    with pytest.raises(typer.Exit):
        guard(file, force=False)
    with pytest.raises(typer.Exit):
        guard(tmp_path / "nowhere" / "file", force=True)
    assert "does not exist" in capsys.readouterr().err


def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("working") as report:
        report(1, 2)
    assert capsys.readouterr().out == ""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer

from qcore import save
from qcore.cli.console import fail, guard, guard_distinct, out, print_json, print_table, progress_bar
from tests.graphs import chain_of_adds


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


@pytest.mark.parametrize("name", [r"a\[/b]", r"\[/]", "[red]x[/red]"])
def test_markup_in_names_is_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    fail(name)
    print_table(None, ["name"], [[name]])
    captured = capsys.readouterr()
    assert f"error: {name}" in captured.err
    assert name in captured.out


def test_control_characters_in_names_are_shown_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    fail("\x1b[31mred\u202e")
    out.print("a\x1b[2Jb\x07", markup=False)
    print_table(None, ["name"], [["\x1b[1m"]])
    captured = capsys.readouterr()
    assert "\\x1b[31mred\\u202e" in captured.err
    assert "a\\x1b[2Jb\\x07" in captured.out
    assert "\x1b" not in captured.out + captured.err


def test_no_two_things_go_into_one_file(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    guard_distinct((one, None, other), (tmp_path / "c", None))
    for written, read in (((one, tmp_path / "." / "a"), ()), ((one,), (one,))):
        with pytest.raises(typer.Exit):
            guard_distinct(written, read)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(typer.Exit):
        guard(tmp_path, force=True)


def test_a_name_the_terminal_has_no_letters_for(tmp_path: Path) -> None:
    model = chain_of_adds()
    model.main.tensors[0].name = "\u6c34"
    save(model, tmp_path / "m.tflite")
    shown = subprocess.run(
        [sys.executable, "-m", "qcore", "show", tmp_path / "m.tflite"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert b"\\u6c34" in shown.stdout

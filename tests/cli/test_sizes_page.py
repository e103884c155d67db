"""docs/sizes.md says what is true: its commands give the output it shows, its table of the digits is today's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tools import size_table

PAGE = size_table.PAGE.read_text(encoding="utf-8")


def test_the_session_on_the_page(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = PAGE.partition("```python\n")[2].partition("```")[0]
    session = re.findall(r"^\$ (.*)\n((?:[^$`].*\n)*)", PAGE, re.MULTILINE)
    assert [command.split()[1] for command, _ in session] == ["quantize", "evaluate"]
    (tmp_path / "qcore").symlink_to(size_table.ROOT / "qcore")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "sizes.md", "exec"), {})
    for command, shown in session:
        outcome = cli(*shlex.split(command)[1:])
        assert outcome.code == 0, outcome.err
        assert words(outcome.out, command) == words(shown, command)


def words(text: str, command: str) -> list[list[str]]:
    """The lines as words; sizes under gzip and times, which depend on zlib and the machine, left out."""
    lines = [line.split() for line in text.splitlines()]
    return [line[:-2] if "evaluate" in command and ".tflite" in line[0] else line for line in lines]


def test_the_table_of_the_digits_is_what_the_tool_writes() -> None:
    """Every row on the page but for its size under gzip; a recipe that is not on it yet is no fault."""
    shown = re.search(r"<!-- table digits -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert shown
    rows, today = (
        {row.rpartition("|")[0].rpartition("|")[0] for row in text.splitlines()}
        for text in (shown[1], size_table.digits())
    )
    assert len(rows) >= 5
    assert not rows - today


def test_a_table_without_its_place_is_an_error() -> None:
    page = "<!-- table a -->\nold\n<!-- end -->\ntext"
    assert size_table.put(page, "a", "new") == "<!-- table a -->\nnew\n<!-- end -->\ntext"
    with pytest.raises(SystemExit, match="expected one place for the table b, found 0"):
        size_table.put(page, "b", "new")

"""docs/sizes.md says what is true: its commands give the output it shows, its table of the digits is today's.

Numbers may be off by 2 %: a quantizer that writes some bytes more or less does not make the page wrong.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tools import size_table

PAGE = size_table.PAGE.read_text(encoding="utf-8")
TOLERANCE = 0.02


def same(shown: str, found: str) -> bool:
    """Equal lines of equal words, or of numbers that are nearly equal."""
    lines, today = ([line.split() for line in text.splitlines()] for text in (shown, found))
    return len(lines) == len(today) and all(
        len(a) == len(b) and all(map(_near, a, b)) for a, b in zip(lines, today, strict=True)
    )


def _near(shown: str, found: str) -> bool:
    try:
        a, b = (float(word.replace(",", "").rstrip("%")) for word in (shown, found))
    except ValueError:
        return shown == found
    return abs(a - b) <= TOLERANCE * abs(a)


def test_the_session_on_the_page(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = PAGE.partition("```python\n")[2].partition("```")[0]
    session = re.findall(r"^\$ (.*)\n((?:[^$`].*\n)*)", PAGE, re.MULTILINE)
    assert [command.split()[1] for command, _ in session] == ["quantize", "evaluate"]
    shutil.copytree(size_table.ROOT / "qcore" / "data", tmp_path / "qcore" / "data")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "sizes.md", "exec"), {})
    for command, shown in session:
        outcome = cli(*shlex.split(command)[1:])
        assert outcome.code == 0, outcome.err
        assert same(without_times(shown), without_times(outcome.out)), outcome.out


def without_times(text: str) -> str:
    """The rows of `evaluate` without their last column, the time."""
    return re.sub(r"^(\S+\.tflite .*?)\S+ *$", r"\1", text, flags=re.MULTILINE)


def test_the_table_of_the_digits_is_what_the_tool_writes() -> None:
    shown = re.search(r"<!-- table digits -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert shown
    assert len(shown[1].splitlines()) == 3 + len(size_table.MODES)
    assert same(shown[1], size_table.digits()), "run: python -m tools.size_table"


def test_a_table_without_its_place_is_an_error() -> None:
    page = "<!-- table a -->\nold\n<!-- end -->\ntext"
    assert size_table.put(page, "a", "new") == "<!-- table a -->\nnew\n<!-- end -->\ntext"
    with pytest.raises(SystemExit, match="expected one place for the table b, found 0"):
        size_table.put(page, "b", "new")


def test_what_counts_as_the_same() -> None:
    assert same("| int8 | 99.6% | 1,000 |", "| int8 | 99.4% | 1,010 |")
    assert not same("| int8 | 1,000 |", "| int8 | 1,030 |")
    assert not same("| int8 | 1,000 |", "| int9 | 1,000 |")
    assert not same("a\nb", "a")
    assert without_times("x.tflite  99%  0.31 \nother 1") == "x.tflite  99%  \nother 1"

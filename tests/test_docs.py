"""What the pages under docs/ refer to exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from qcore.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
REFERENCE = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")


def names(path: Path) -> set[str]:
    """What a module defines at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tests_a_page_names_exist(page: Path) -> None:
    missing = []
    for file, test in REFERENCE.findall(page.read_text(encoding="utf-8")):
        path = ROOT / file
        if not path.exists() or (test and test not in names(path)):
            missing.append(f"{file}::{test}")
    assert not missing, f"{page.name} names tests that do not exist: {missing}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken, f"{page.name}: {broken}"


def command_lines(page: Path) -> list[list[str]]:
    """The calls of `qcore` in a page's code blocks, continued lines joined, as words."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = []
    for line in "\n".join(blocks).replace("\\\n", " ").replace("\n          ", " ").splitlines():
        call = re.match(r"(?:\s*(?:\$|run: >-|- run:))?\s*(qcore [a-z].*)", line)
        if call:
            found.append(re.split(r"\s{3,}|\s+#", call.group(1))[0].split())
    return found


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_commands_and_options_that_are_shown_exist(page: Path) -> None:
    commands = typer.main.get_group(app).commands
    for words in command_lines(page):
        assert words[1] in commands, f"{page.name}: no command in {' '.join(words)!r}"
        known = {name for parameter in commands[words[1]].params for name in parameter.opts}
        used = {word.partition("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
        assert used <= known, f"{page.name}: {' '.join(words)!r} has no option {used - known}"


def test_command_lines_are_found_where_they_are() -> None:
    first = command_lines(ROOT / "docs" / "continuous_integration.md")[0]
    assert {"audit", "--float", "--fail-on", "--html", "--markdown"} <= set(first)
    assert len(command_lines(ROOT / "README.md")) > 10

"""Every code has a page, every page has a code, and the index lists them all."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import qcore.auditor
from qcore.auditor.finding import Check

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "findings"
SECTIONS = ["What", "Why it matters", "How TFLite reacts", "How to fix"]


def checks() -> dict[str, Check]:
    """Every check that a module of the auditor declares."""
    found: dict[str, Check] = {}
    for info in pkgutil.walk_packages(qcore.auditor.__path__, "qcore.auditor."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Check):
                assert found.setdefault(value.code, value) == value, f"{value.code} is given to two checks"
    return found


CHECKS = checks()


def test_codes_and_pages_are_the_same_set() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == set(CHECKS)


@pytest.mark.parametrize("code", sorted(CHECKS))
def test_a_page_has_its_title_and_four_sections(code: str) -> None:
    check = CHECKS[code]
    assert re.fullmatch(r"Q[LPD]\d{3}", code)
    assert check.page == f"docs/findings/{code}.md"
    text = (ROOT / check.page).read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: {check.title}\n\nSeverity: {check.severity}\n")
    sections = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    assert sections[1::2] == SECTIONS
    assert all(len(body.strip()) > 20 for body in sections[2::2])


def test_the_index_lists_every_code() -> None:
    listed = re.findall(
        r"^\| \[(Q\w+)\]\((Q\w+)\.md\) \| (\w+) \| (.*) \|$", (PAGES / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert listed == [(code, code, str(check.severity), check.title) for code, check in sorted(CHECKS.items())]

"""The page to teach from: complete, closed to the network, with every digit, and names stay text."""

from __future__ import annotations

import importlib.util
import shutil
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qcore.auditor.explainer import explain
from qcore.auditor.kernel_comparison import explain_all
from qcore.auditor.report.lesson import exact_decimal, lesson_markdown, lesson_page
from qcore.errors import UnsupportedError
from qcore.ir import Model
from tests.auditor.cases import dense

HOSTILE = "</style><script>alert(1)</script>|\"'&<b>`*x*`"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = ("meta", "link")


class Page(HTMLParser):
    """The page's text and elements; fails where they are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def hostile() -> Model:
    model = dense(585).model()
    model.main.tensors[0].name = HOSTILE
    return model


def test_a_page_has_the_products_the_roundings_and_the_errors() -> None:
    text = lesson_page(explain(dense(585).model(), dense(585).feeds(), 0))
    page = Page(text)
    assert page.open == []
    assert "Operator 0 FULLY_CONNECTED, element [0, 0]" in page.text
    assert "[0, 0] 117 [0, 0] 5 585" in page.text
    assert "sum((x - zx) * (w - zw))" in page.text
    exact = explain(dense(585).model(), dense(585).feeds(), 0).steps[2].rounding
    assert exact is not None
    assert exact_decimal(exact.exact) in page.text
    assert len(exact_decimal(exact.exact)) > 40
    assert "multiplier" in page.text
    assert "The result is -119 , which stands for" in page.text


def test_all_kernel_sets_stand_side_by_side_with_the_cause() -> None:
    comparison = explain_all(dense(585).model(), dense(585).feeds(), 0)
    page = Page(lesson_page(comparison))
    assert "step reference optimized xnnpack" in page.text
    assert "result -119 -119 -120" in page.text
    assert "6.5, a tie, becomes 6" in page.text
    assert page.tags.count("section") == 4
    markdown = lesson_markdown(comparison)
    assert "| result | -119 | -119 | -120 |" in markdown
    assert markdown.count("\n## ") == 3


def test_a_name_that_is_markup_stays_text_and_no_link_leaves_the_page() -> None:
    page = Page(lesson_page(explain_all(hostile(), dense(585).feeds(), 0)))
    assert "script" not in page.tags
    assert HOSTILE in page.text
    assert all(link.startswith(("#", "data:")) for link in page.links)


def test_markdown_needs_no_library_and_keeps_names_in_their_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = lesson_markdown(explain(hostile(), dense(585).feeds(), 0))
    assert "<script>" not in text.replace("\\<script\\>", "")
    (row,) = [line for line in text.splitlines() if "alert" in line]
    assert row.replace("\\|", "").count("|") == 4
    assert "| [0, 0] | 117 | [0, 0] | 5 | 585 |".replace("[", "\\[").replace("]", "\\]") in text
    with pytest.raises(UnsupportedError, match=r"pip install 'qcore\[report\]'"):
        lesson_page(explain(hostile(), dense(585).feeds(), 0))


def test_products_that_are_not_listed_are_added_up() -> None:
    e = explain(dense(585).model(), dense(585).feeds(), 0)
    text = lesson_markdown(e, 0)
    assert "x - zx" not in text.replace("(x - zx)", "")
    assert "585" in text


def test_a_fraction_is_written_with_all_its_digits() -> None:
    assert exact_decimal(Fraction(13, 2)) == "6.5"
    assert exact_decimal(Fraction(-1, 1024)) == "-0.0009765625"
    assert exact_decimal(Fraction(-7)) == "-7"
    assert exact_decimal(Fraction(1, 3)) == "1/3"
    assert Fraction(exact_decimal(Fraction(12345, 1 << 90))) == Fraction(12345, 1 << 90)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_opens_in_a_browser_without_a_complaint(tmp_path: Path, scheme: str, width: int) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is a development dependency")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install the package chromium")
    path = tmp_path / "lesson.html"
    path.write_text(lesson_page(explain_all(hostile(), dense(585).feeds(), 0)), encoding="utf-8")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
        background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")
        assert complaints == []
        browser.close()

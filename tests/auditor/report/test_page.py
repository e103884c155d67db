"""The page: complete, closed to the network, and safe with names that want to be markup."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from qcore.auditor.report.page import render_page
from qcore.errors import UnsupportedError
from tests.auditor.report.sample import HOSTILE, report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


class Elements(HTMLParser):
    """Counts elements, and collects ids and the text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.scripts = 0
        self.links: list[str] = []
        self.words: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag
        self.scripts += tag == "script"
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [str(given[name]) for name in ("src", "href") if name in given]

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.words.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(report())


def test_a_name_that_is_markup_stays_text_and_no_link_leaves_the_page(page: str) -> None:
    elements = Elements()
    elements.feed(page)
    assert elements.scripts == 2
    assert HOSTILE in "".join(elements.words)
    assert "<2>" in elements.words
    assert len(elements.ids) == len(set(elements.ids))
    assert {"operator-0-0", "operator-0-1", "findings"} <= set(elements.ids)
    assert all(link.startswith(("#", "data:")) for link in elements.links)
    assert {link[1:] for link in elements.links if link.startswith("#")} <= set(elements.ids)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"jinja2 and plotly; install with pip install 'qcore\[report\]'"):
        render_page(report())


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is a development dependency")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install the package chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


class Opened:
    """The page in the browser, with all that it wrote to the console and asked of the network."""

    def __init__(self, browser: Any, path: Path, scheme: str, width: int) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("a dialog"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("#overview-0 .main-svg")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_it_opens_without_a_complaint(browser: Any, page: str, tmp_path: Path, scheme: str, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    opened = Opened(browser, path, scheme, width)
    assert opened.complaints == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)")
    opened.context.close()


def test_filter_sorting_and_links_work(browser: Any, page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    opened = Opened(browser, path, "light", 1280)
    tab = opened.page
    codes = "[...document.querySelectorAll('#findings-table tbody tr:not([hidden])')].map(r => r.cells[1].textContent)"
    assert tab.evaluate(codes) == ["QL901", "QL902", "QL902"]
    tab.fill("#search", "ulp fully")
    assert tab.evaluate(codes) == ["QL901"]
    assert tab.inner_text("#shown") == "1 of 3 shown"
    tab.fill("#search", "")
    tab.uncheck("input[value=error]")
    assert tab.evaluate(codes) == ["QL902", "QL902"]
    tab.check("input[value=error]")
    tab.click("th button[data-column='1']")
    tab.click("th button[data-column='1']")
    assert tab.evaluate(codes) == ["QL902", "QL902", "QL901"]
    assert tab.get_attribute("th:nth-child(2)", "aria-sort") == "descending"
    assert not tab.evaluate("document.getElementById('operator-0-0').open")
    tab.click("#findings-table a[href='#operator-0-0']")
    tab.wait_for_selector("#operator-0-0 .charts .main-svg")
    assert tab.evaluate("document.getElementById('operator-0-0').open")
    assert tab.evaluate("document.querySelectorAll('#operator-0-0 .charts > div').length") == 3
    assert opened.complaints == []
    opened.context.close()

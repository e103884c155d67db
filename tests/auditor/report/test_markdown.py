from __future__ import annotations

from dataclasses import replace

from qcore.auditor.report.markdown import render_markdown
from tests.auditor.report.sample import report


def test_findings_and_the_noisiest_operators_are_listed_and_nothing_in_a_name_is_markup() -> None:
    text = render_markdown(report())
    assert "**error**: 1 error, 2 notes." in text
    assert "| error | QL901 | operator 0 FULLY\\_CONNECTED, tensor 2" in text
    assert "| 0 FULLY\\_CONNECTED | 30.0 dB | 29.0 dB | weight rounding |" in text
    assert "something about \\| the file" in text
    assert "## A table\n\n| a | b |\n|---|---|\n| 1 | \\<2\\> |" in text
    assert "<script>" not in text


def test_a_long_list_is_cut_and_says_so() -> None:
    long = replace(report(), findings=list(report().findings) * 20)
    text = render_markdown(long)
    assert "and 10 more." in text
    assert text.count("| QL90") == 50

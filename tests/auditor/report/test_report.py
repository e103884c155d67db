from __future__ import annotations

from qcore.auditor.finding import Severity
from qcore.auditor.report.report import Report
from tests.auditor.report.sample import report


def test_the_verdict_counts_and_names_the_worst() -> None:
    made = report()
    assert made.status == "error"
    assert made.verdict.startswith("1 error, 2 notes. Worst: A bad thing (operator 0 FULLY_CONNECTED")
    assert [made.count(severity) for severity in Severity] == [2, 0, 1]
    assert [view.index for view in made.noisiest] == [0]  # operator 1 adds no noise


def test_nothing_found_is_clean() -> None:
    empty = Report("m", [], [], [])
    assert (empty.status, empty.verdict) == ("clean", "Nothing was found.")

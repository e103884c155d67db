"""The report as one HTML file that needs no network: text, tables, charts and the library that draws them.

What comes from the model's file is escaped, in the text by Jinja and in the charts' JSON by its `tojson`; the page's
content security policy forbids any connection.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from qcore.auditor.finding import Severity
from qcore.auditor.report.charts import (
    Chart,
    channel_headroom_chart,
    histogram_chart,
    noise_chart,
    operator_headroom_chart,
    weight_chart,
)
from qcore.auditor.report.operator_view import OperatorView
from qcore.auditor.report.report import Report
from qcore.errors import UnsupportedError

__all__ = ["environment", "render_page"]

_OF_OPERATOR = (
    ("Values of the result against the grid (dashed: its ends)", histogram_chart),
    ("Weights by channel", weight_chart),
    ("Accumulator headroom by channel", channel_headroom_chart),
)


def render_page(report: Report) -> str:
    """The page as text. UnsupportedError where jinja2 or plotly is not installed: `pip install 'qcore[report]'`."""
    templates = environment("jinja2", "plotly")
    from plotly.offline import get_plotlyjs  # deferred: in the extra `report`

    return templates.get_template("audit.html.j2").render(
        report=report,
        severities=sorted(Severity, reverse=True),
        overview=[
            (title, chart)
            for title, chart in (
                ("Noise by operator, in graph order", noise_chart(report.operators)),
                ("Accumulator headroom by operator", operator_headroom_chart(report.operators)),
            )
            if chart is not None
        ],
        charts={view.anchor: _charts(view) for view in report.operators},
        plotly=get_plotlyjs(),
    )


def environment(*needed: str) -> Any:
    """The templates, escaping what they are given. UnsupportedError where a library of the extra `report` is missing.

    needed: the libraries that the page is made with.
    """
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UnsupportedError(f"the report needs {' and '.join(missing)}; install with pip install 'qcore[report]'")
    from jinja2 import Environment, PackageLoader, StrictUndefined  # deferred: in the extra `report`

    return Environment(
        loader=PackageLoader("qcore.auditor.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _charts(view: OperatorView) -> list[tuple[str, Chart]]:
    drawn: list[tuple[str, Any]] = [(title, make(view)) for title, make in _OF_OPERATOR]
    return [(title, chart) for title, chart in drawn if chart is not None]

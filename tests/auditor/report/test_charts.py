"""The charts are what Plotly itself takes for a figure, and hold the numbers of the views."""

from __future__ import annotations

import pytest

from qcore.auditor.report import charts
from qcore.auditor.report.operator_view import operator_views
from tests.auditor.report.sample import model, report

graph_objects = pytest.importorskip("plotly.graph_objects", reason="plotly is in the extra `report`")


def drawn() -> dict[str, charts.Chart | None]:
    views = report().operators
    return {
        "noise": charts.noise_chart(views),
        "headroom": charts.operator_headroom_chart(views),
        "channels": charts.channel_headroom_chart(views[0]),
        "histogram": charts.histogram_chart(views[0]),
        "weights": charts.weight_chart(views[0]),
    }


@pytest.mark.parametrize("name", list(drawn()))
def test_plotly_takes_it(name: str) -> None:
    chart = drawn()[name]
    assert chart is not None
    figure = graph_objects.Figure(chart)  # refuses any property that Plotly does not know
    assert len(figure.data) == len(chart["data"])


def test_shares_of_noise_add_up_and_a_result_without_noise_is_drawn_at_the_ceiling() -> None:
    chart = charts.noise_chart(report().operators)
    assert chart is not None
    accumulated, own, weights, requantization = chart["data"]
    assert accumulated["y"] == [29.0, 28.0]
    assert own["y"] == [30.0, 100.0]
    assert weights["y"][0] + requantization["y"][0] == pytest.approx(100)
    assert weights["y"][0] == pytest.approx(75)


def test_the_histogram_counts_every_value_and_marks_the_ends_of_the_grid() -> None:
    chart = charts.histogram_chart(report().operators[0])
    assert chart is not None
    floats, integers = chart["data"]
    assert sum(floats["y"]) == pytest.approx(100)
    assert sum(integers["y"]) == pytest.approx(100)
    assert [shape["x0"] for shape in chart["layout"]["shapes"]] == [-64.0, 63.5]


def test_nothing_measured_nothing_drawn() -> None:
    bare = operator_views(model())
    assert charts.noise_chart(bare) is None
    assert charts.operator_headroom_chart(bare) is None
    assert charts.channel_headroom_chart(bare[0]) is None
    assert charts.histogram_chart(bare[0]) is None
    assert charts.weight_chart(bare[1]) is None


def test_a_cause_has_the_same_colour_in_every_report() -> None:
    views = report().operators
    both, one = charts.noise_chart(views), charts.noise_chart(views[1:])
    assert both is not None
    assert one is not None
    colors = [{bar["name"]: bar["marker"]["color"] for bar in chart["data"][2:]} for chart in (both, one)]
    assert list(colors[0]) == ["weight rounding", "requantization"]
    assert colors[1] == {"requantization": colors[0]["requantization"]}

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qcore.auditor.report.model_explorer import METRICS, node_data
from qcore.auditor.report.report import Report
from qcore.errors import QuantizationError
from tests.auditor.report.sample import model, report


def test_operators_are_named_as_model_explorer_names_them() -> None:
    data = node_data(report(), model())
    assert list(data) == ["main"]  # subgraph 0 has no name
    assert data["main"]["results"] == {"0": {"value": 30.0}}  # operator 1 is without noise, which is no number
    assert [item["stop"] for item in data["main"]["gradient"]] == [0, 0.5, 1]
    named = model()
    named.main.name = "serving"
    assert list(node_data(report(), named)) == ["serving"]


def test_of_two_graphs_of_one_name_only_the_first_is_drawn() -> None:
    twice = model()
    twice.subgraphs.append(twice.main)
    made = report()
    second = [replace(view, subgraph=1, findings=()) for view in made.operators]
    both = replace(made, operators=[*made.operators, *second])
    assert node_data(both, twice, "findings") == node_data(made, model(), "findings")


@pytest.mark.parametrize("metric", list(METRICS))
def test_every_metric_is_json(metric: str) -> None:
    data = json.loads(json.dumps(node_data(report(), model(), metric), allow_nan=False))
    assert data["main"]["name"] == metric


def test_what_is_unknown_or_unmeasured_is_refused() -> None:
    with pytest.raises(QuantizationError, match="no metric 'speed'"):
        node_data(report(), model(), "speed")
    with pytest.raises(QuantizationError, match="was not measured"):
        node_data(Report("m", [], [], []), model())


def test_why_there_is_nothing_to_draw() -> None:
    silent = report()
    silent = replace(silent, operators=[view for view in silent.operators if view.index == 1])
    with pytest.raises(QuantizationError, match="no operator has a finite number for 'sqnr': there is no noise"):
        node_data(silent, model(), "sqnr")
    bare = replace(silent, operators=[replace(view, headroom=None) for view in silent.operators])
    with pytest.raises(QuantizationError, match="no operator has an accumulator of integers"):
        node_data(bare, model(), "headroom_bits")

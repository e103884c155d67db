"""A finding: its place by name, its JSON, and the order in which findings are shown."""

from __future__ import annotations

import json

from qcore.auditor.finding import Check, Finding, Place, Severity, worst_first
from tests.graphs import chain_of_adds

MILD = Check("QL901", Severity.NOTE, "a mild thing")
BAD = Check("QL902", Severity.ERROR, "a bad thing")


def test_a_place_is_named_as_the_model_names_it() -> None:
    model = chain_of_adds()
    tensor = model.main.operators[1].outputs[0]
    place = Place.of(model, operator=1, tensor=tensor)
    assert str(place) == f"operator 1 ADD, tensor {tensor} {model.main.tensors[tensor].name}"
    assert str(Place()) == "model"
    fused = Place(tensor=7, tensor_name="net/relu;net/bn;" + "x" * 60 + "/Conv2D")
    assert fused.short == "tensor 7 …" + ("x" * 60 + "/Conv2D")[-48:]
    assert str(Place(subgraph=2)) == "subgraph 2"


def test_a_finding_is_as_severe_as_its_check_and_becomes_json() -> None:
    finding = Finding.of(BAD, Place(operator=3, operator_name="ADD"), "scale is 0", "give it a scale", scale=0.0)
    assert finding.severity is Severity.ERROR
    table = json.loads(json.dumps(finding.as_json()))
    assert table["code"] == "QL902"
    assert table["severity"] == "error"
    assert table["evidence"] == {"scale": 0.0}
    assert table["page"] == "docs/findings/QL902.md"
    assert table["fixable"] is False


def test_the_worst_comes_first_then_the_graphs_order() -> None:
    late, early = (Finding.of(BAD, Place(operator=at, operator_name="ADD"), "m", "a") for at in (5, 2))
    mild = Finding.of(MILD, Place(), "m", "a")
    assert worst_first([mild, late, early]) == [early, late, mild]

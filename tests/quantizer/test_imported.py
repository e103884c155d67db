from __future__ import annotations

import numpy as np

from qcore.op import find
from qcore.quantizer.imported import complete, live_operators, location, merge_equal_constants
from tests.quantizer.converter import FloatGraph
from tflite_schema import AddOptions, FullyConnectedOptions

X = (2, 3)


def test_what_nothing_reads_is_dead() -> None:
    graph = FloatGraph()
    x = graph.input(X)
    graph.op("ADD", [x, graph.random(*X)], X, options=AddOptions())
    model = graph.model(graph.op("LOGISTIC", [x], X))
    assert [op.name for op in live_operators(model.main)] == ["LOGISTIC"]


def test_a_bias_left_off_is_spelled_out_and_takes_a_name() -> None:
    graph = FloatGraph()
    y = graph.op("FULLY_CONNECTED", [graph.input(X), graph.random(4, 3)], (2, 4), options=FullyConnectedOptions())
    model = graph.model(y)
    rules = [find(op.code).rules for op in model.main.operators]
    assert complete(model, model.main, rules) == location(model.main, model.main.operators[0]) == "fully_connected_0"
    assert model.main.operators[0].inputs[2] == -1


def test_equal_constants_become_one_without_a_name() -> None:
    graph = FloatGraph()
    x, first, second = graph.input(X), graph.constant(np.ones(X)), graph.constant(np.ones(X))
    y = graph.op("ADD", [x, first], X, options=AddOptions())
    model = graph.model(graph.op("ADD", [y, second], X, options=AddOptions()))
    assert merge_equal_constants(model, model.main) == {first: [(1, 1)]}
    assert model.main.operators[1].inputs[1] == first
    assert model.main.tensors[first].name == ""

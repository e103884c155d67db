"""What a plan decides about constants, and that the converter decides the same."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError, UnsupportedError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.quantizer.full_integer.plan import make_plan
from qcore.quantizer.recipe import RECIPES
from qcore.rules import Weight
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import AddOptions, BuiltinOperator, Conv2DOptions, MulOptions, NegOptions, ReshapeOptions

CONV = Conv2DOptions(stride_w=1, stride_h=1)
X = (1, 4, 4, 3)


def two_convolutions(first: list[int], second: list[int], graph: FloatGraph) -> Model:
    x = graph.input(X)
    y = graph.op("CONV_2D", [x, graph.random(5, 1, 1, 3), *first], (1, 4, 4, 5), options=CONV)
    y = graph.op("CONV_2D", [y, graph.random(5, 1, 1, 5), *second], (1, 4, 4, 5), options=CONV)
    return graph.model(y)


def test_a_shared_bias_is_copied_for_each_use() -> None:
    graph = FloatGraph()
    bias = graph.random(5)
    model = two_convolutions([bias], [bias], graph)
    plan = make_plan(model.copy(), 0, RECIPES["int8"])
    biases = [operator.inputs[2] for operator in plan.graph.operators]
    assert biases[0] != biases[1]
    assert [plan.origin[tensor] for tensor in biases] == [bias, bias]
    assert bias not in plan.self_scaled
    check(model)


def test_equal_constants_are_merged_and_lose_their_names() -> None:
    graph = FloatGraph()
    model = two_convolutions([graph.constant(np.zeros(5))], [graph.constant(np.zeros(5))], graph)
    ours = check(model)
    assert ours is not None
    assert sum(tensor.name.startswith("tfl.pseudo_qconst") for tensor in ours.main.tensors) == 2


@pytest.mark.parametrize(("first", "second"), [([], []), ([], [-1]), ([-1], []), ([-1], [-1])])
def test_a_bias_left_off(first: list[int], second: list[int]) -> None:
    check(two_convolutions(first, second, FloatGraph()))


def test_one_bias_left_off_takes_a_name() -> None:
    graph = FloatGraph()
    check(two_convolutions([], [graph.random(5)], graph))
    graph = FloatGraph()
    check(two_convolutions([graph.random(5)], [], graph))


def test_reshape_without_its_second_operand() -> None:
    graph = FloatGraph()
    options = ReshapeOptions(new_shape=np.array([1, 48], np.int32))
    check(graph.model(graph.op("RESHAPE", [graph.input(X)], (1, 48), options=options)))


def test_what_nothing_reads_is_dropped() -> None:
    graph = FloatGraph()
    x = graph.input(X)
    graph.op("ADD", [x, graph.random(1, 1, 1, 3)], X, options=AddOptions())
    ours = check(graph.model(graph.op("LOGISTIC", [x], X)))
    assert ours is not None
    assert [op.name for op in ours.main.operators] == ["QUANTIZE", "LOGISTIC", "DEQUANTIZE"]


def test_a_weight_shared_with_another_operator_keeps_its_channels() -> None:
    graph = FloatGraph()
    weight = graph.random(5, 1, 1, 3)
    x = graph.input(X)
    y = graph.op("CONV_2D", [x, weight, -1], (1, 4, 4, 5), options=CONV)
    z = graph.op("CONV_2D", [x, weight, graph.random(5)], (1, 4, 4, 5), options=CONV)
    model = graph.model(y, z)
    plan = make_plan(model.copy(), 0, RECIPES["int8"])
    assert plan.self_scaled[weight] == Weight(0)
    check(model)


def test_nan_in_a_constant_is_refused_unless_it_stays_in_float() -> None:
    graph = FloatGraph()
    y = graph.op("ADD", [graph.input(X), graph.constant([1.0, np.nan, 2.0], name="offset")], X, options=AddOptions())
    model = graph.model(graph.op("NEG", [y], X, options=NegOptions()))
    with pytest.raises(QuantizationError, match="operator 0 ADD: its constant, tensor 1 'offset', holds NaN"):
        quantize(model)
    kept = quantize(model, denylisted_ops=["ADD"])
    assert [op.name for op in kept.main.operators] == ["ADD", "NEG"]


def test_an_operator_without_rules_is_refused_with_its_place() -> None:
    graph = FloatGraph()
    x = graph.input(X)
    y = graph.op("MUL", [x, x], X, options=MulOptions())
    model = graph.model(graph.op("NEG", [y], X))
    model.main.operators[1].code = BuiltinOperator.DELEGATE
    with pytest.raises(UnsupportedError, match=r"subgraph 0, operator 1 DELEGATE: .*has no kernel"):
        quantize(model)

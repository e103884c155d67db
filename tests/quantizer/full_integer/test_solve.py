"""Parameters that meet: who asks whom to convert, and biases that would overflow."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.ir import Model
from qcore.quantizer.full_integer.plan import make_plan
from qcore.quantizer.full_integer.solve import Request, Solution, solve
from qcore.quantizer.quantized_type import QuantizedType
from qcore.quantizer.recipe import RECIPES
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import ConcatenationOptions, Conv2DOptions, FullyConnectedOptions, NegOptions

X = (1, 4, 4, 4)
CONV = Conv2DOptions(stride_w=1, stride_h=1)


def with_large_bias(largest: float, *, shared: bool = False, dense: bool = False) -> Model:
    graph = FloatGraph(span=(-0.001, 0.001))
    bias = graph.constant([0.1, largest, -largest, 0.2])
    if dense:
        x = graph.input((2, 3))
        inputs = [x, graph.random(4, 3, spread=1e-3), bias]
        return graph.model(graph.op("FULLY_CONNECTED", inputs, (2, 4), options=FullyConnectedOptions()))
    weight = graph.random(4, 1, 1, 4, spread=1e-3)
    y = graph.op("CONV_2D", [graph.input(X), weight, bias], X, options=CONV)
    if shared:
        y = graph.op("CONV_2D", [y, weight, graph.random(4, spread=1e-3)], X, options=CONV)
    return graph.model(y)


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("largest", [1.0, 10.0, 1e5])
def test_a_bias_that_would_overflow_widens_its_scale_and_the_weights(
    largest: float, shared: bool, per_channel: bool
) -> None:
    ours = check(with_large_bias(largest, shared=shared), per_channel=per_channel)
    assert ours is not None
    biases = [ours.constant(tensor) for tensor in ours.main.tensors if tensor.type.name == "INT32"]
    assert max(int(np.abs(values.astype(np.int64)).max()) for values in biases if values is not None) <= 2**30


@pytest.mark.parametrize("per_channel", [True, False])
def test_overflow_in_a_dense_layer(per_channel: bool) -> None:
    check(with_large_bias(1e4, dense=True), per_channel=per_channel)


def test_a_fixed_result_read_by_a_concatenation_is_converted() -> None:
    graph = FloatGraph()
    x = graph.op("LOGISTIC", [graph.input(X)], X)
    y = graph.op("NEG", [x], X, options=NegOptions())
    model = graph.model(graph.op("CONCATENATION", [x, y], (1, 4, 4, 8), options=ConcatenationOptions(axis=3)), x)
    plan = make_plan(model, 0, RECIPES["int8"])
    assert solve(plan, {}).types[x] == QuantizedType((1 / 256,), (-128,))
    check(model)


def test_conversions_that_both_sides_ask_for_are_dropped() -> None:
    """As in TensorFlow, which then leaves the value as it is."""
    small, large = QuantizedType((0.5,), (0,)), QuantizedType((2.0,), (0,))
    by_producer, by_reader = Request(small, by_producer=True), Request(large, [(0, 0)])
    solution = Solution({}, frozenset(), {0: [by_producer, by_reader], 1: [by_reader], 2: [by_producer, by_producer]})
    assert solution.conversions(0) == []
    assert solution.conversions(1) == [by_reader]
    assert solution.conversions(2) == [by_producer]
    assert solution.conversions(3) == []

"""Where conversions stand, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.converter import FloatGraph, check, converted
from tflite_schema import (
    AddOptions,
    ConcatenationOptions,
    NegOptions,
    PackOptions,
    Padding,
    Pool2DOptions,
    TransposeConvOptions,
)

X = (1, 4, 4, 4)
WIDE = (1, 4, 4, 8)
POOL = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)


def operators(model: Model | None) -> list[str]:
    assert model is not None
    return [operator.name for operator in model.main.operators]


def neg(graph: FloatGraph, x: int) -> int:
    return int(graph.op("NEG", [x], X, options=NegOptions()))


def concatenation(graph: FloatGraph, *inputs: int) -> int:
    return int(graph.op("CONCATENATION", inputs, WIDE, options=ConcatenationOptions(axis=3)))


def test_one_dequantize_serves_all_readers_in_float() -> None:
    graph = FloatGraph()
    x = graph.op("ABS", [graph.input(X)], X)
    assert operators(check(graph.model(neg(graph, x), neg(graph, x), x))).count("DEQUANTIZE") == 1


def test_a_range_that_spread_names_the_conversion_after_the_operator() -> None:
    graph = FloatGraph()
    x = graph.op("MAX_POOL_2D", [graph.input(X)], X, options=POOL)
    ours = check(graph.model(neg(graph, x)))
    assert ours is not None
    assert "max_pool_2d_01" in [tensor.name for tensor in ours.main.tensors]


def test_a_producer_writes_what_its_only_reader_asks_for() -> None:
    """ADD takes the concatenation's range, and no QUANTIZE is needed."""
    graph = FloatGraph()
    x, y = graph.input(X), graph.input(X)
    total = graph.op("ADD", [x, y], X, options=AddOptions())
    ours = check(graph.model(concatenation(graph, total, x), neg(graph, y)))
    names = operators(ours)
    assert names[names.index("ADD") + 1] != "QUANTIZE"


def test_requantization_of_a_fixed_result() -> None:
    """TANH's result has 1/128; the concatenation asks for its own range."""
    graph = FloatGraph()
    x = graph.op("TANH", [graph.input(X)], X)
    names = operators(check(graph.model(concatenation(graph, x, x), neg(graph, x))))
    assert names[names.index("TANH") + 1] == "QUANTIZE"


@pytest.mark.parametrize("border", ["float32", "int8", "uint8"])
def test_two_ranges_for_one_input(border: str) -> None:
    graph = FloatGraph()
    x = graph.input(X)
    packed = graph.op("PACK", [x, x], (2, *X), options=PackOptions(values_count=2, axis=0))
    model = graph.model(packed, concatenation(graph, x, x), graph.op("LOGISTIC", [x], X), neg(graph, x))
    check(model, inference_input_type=border, inference_output_type=border)


def test_a_float_operator_with_a_fixed_result() -> None:
    """TANH stays in float, for the range of its operand is lost; its result is quantized all the same, twice."""
    graph = FloatGraph()
    x = neg(graph, graph.input(X))
    joined = concatenation(graph, x, graph.input(X))
    y = graph.op("TANH", [x], X)
    check(graph.model(joined, concatenation(graph, y, graph.input(X)), graph.op("ABS", [y], X)))


def test_contradictory_ranges_are_refused_where_tensorflow_refuses_them() -> None:
    """Several operators of one scale ask different things of the same results."""
    graph = FloatGraph(3)
    x = graph.op("LOGISTIC", [graph.input(X)], X)
    a = graph.op("MINIMUM", [x, graph.input(X)], X)
    b = graph.op("MAXIMUM", [x, a], X)
    model = graph.model(concatenation(graph, a, b), concatenation(graph, b, x), a)
    try:
        converted(model)
    except RuntimeError:
        with pytest.raises(QuantizationError, match="must share one scale"):
            quantize(model)
    else:
        check(model)


def test_the_name_of_a_float_operator_with_integer_weights() -> None:
    """TRANSPOSE_CONV, denied, keeps its integer weights, whose name joins its own; conversions after it are without."""
    graph = FloatGraph()
    inputs = [graph.constant(X, np.int32), graph.random(4, 1, 1, 4), graph.input(X)]
    y = graph.op("TRANSPOSE_CONV", inputs, X, options=TransposeConvOptions(stride_w=1, stride_h=1))
    for model in (graph.model(graph.op("ABS", [y], X)), graph.model(graph.op("MAXIMUM", [y, y], X))):
        assert operators(check(model, denylisted_ops=["TRANSPOSE_CONV"]))

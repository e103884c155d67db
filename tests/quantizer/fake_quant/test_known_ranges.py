from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from tests.quantizer.fake_quant.paired import PairedGraph
from tflite_schema import AddOptions, FullyConnectedOptions

X = (1, 4)


def model(graph: PairedGraph | None = None) -> Any:
    graph = graph or PairedGraph()
    x, y = graph.input(X, ranged=False), graph.input(X, ranged=False)
    return graph.model(graph.plain("ADD", [x, y], X, AddOptions()))


def test_stats_are_a_mean_and_a_deviation() -> None:
    """real = (q - mean) / deviation."""
    stats = {"input0": (127.5, 127.5), "input1": (0.0, 255.0)}
    graph = quantize(model(), "tf1_uint8", quantized_input_stats=stats, default_ranges_stats=(0, 6)).main
    found = [graph.tensors[tensor].quant for tensor in graph.inputs]
    assert [(q.scale[0], q.zero_point[0]) for q in found if q] == [(np.float32(2 / 255), 128), (np.float32(1 / 255), 0)]
    assert [operator.name for operator in graph.operators] == ["ADD"]


def test_inputs_without_stats_and_stats_without_inputs() -> None:
    with pytest.raises(QuantizationError, match="input 'input1' has no fake quantization and no stats"):
        quantize(model(), "tf1_uint8", quantized_input_stats={"input0": (0, 1)})
    with pytest.raises(QuantizationError, match="stats of else: the float inputs are 'input0', 'input1'"):
        quantize(model(), "tf1_uint8", quantized_input_stats={"else": (0, 1)})


def test_an_input_with_a_pair_needs_no_stats() -> None:
    graph = PairedGraph()
    x = graph.pair(graph.input(X, ranged=False), 0.125, 7)
    found = quantize(graph.model(graph.plain("ADD", [x, x], X, AddOptions())), "tf1_int8", default_ranges_stats=(0, 6))
    quant = found.main.tensors[found.main.inputs[0]].quant
    assert quant is not None
    assert (quant.scale[0], quant.zero_point[0]) == (0.125, 7)


def test_biases_follow_from_the_default_range() -> None:
    graph = PairedGraph()
    x = graph.plain("ABS", [graph.input(X, ranged=False)], X)
    inputs = [x, graph.constant(np.ones((2, 4))), graph.constant([1.0, 2.0])]
    y = graph.plain("FULLY_CONNECTED", inputs, (1, 2), FullyConnectedOptions())
    given: dict[str, Any] = {"quantized_input_stats": {"input0": (0, 1)}, "default_ranges_stats": (0, 6)}
    found = quantize(graph.model(y), "tf1_int8", **given)
    dense = found.main.operators[1]
    x_quant, w_quant, bias_quant = (found.main.tensors[tensor].quant for tensor in dense.inputs)
    assert x_quant is not None
    assert w_quant is not None
    assert bias_quant is not None
    assert x_quant.scale[0] == np.float32(6 / 255)
    assert bias_quant.scale.tolist() == [np.float32(6 / 255 * (1 / 127))] * 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"quantized_input_stats": {"input0": (0, 0)}}, "'input0' have deviation 0.0; it must be above 0"),
        ({"quantized_input_stats": {"input0": 3}}, "the stats of 'input0' is 3; give two numbers"),
        ({"quantized_input_stats": {"input0": (0, float("nan"))}}, "give two finite numbers"),
        ({"default_ranges_stats": (6, 0)}, "default_ranges_stats is 6.0 to 0.0; give a smaller and a larger number"),
        ({"default_ranges_stats": (1, 2, 3)}, "default_ranges_stats is .*; give two numbers"),
        ({"inference_input_type": "float32"}, "gives both ends one type"),
    ],
)
def test_numbers_without_meaning(given: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        quantize(model(), "tf1_uint8", **given)


def test_other_recipes_know_no_stats() -> None:
    with pytest.raises(QuantizationError, match="belong to tf1_uint8 and tf1_int8, not to qat"):
        quantize(model(), "qat", default_ranges_stats=(0, 6))

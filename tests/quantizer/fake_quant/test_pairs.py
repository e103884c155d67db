"""What is taken out of a float graph, and what has to stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.fake_quant.pairs import take_pairs
from qcore.tflite import load, to_bytes
from tests.quantizer.fake_quant.paired import PairedGraph
from tflite_schema import AddOptions, FakeQuantOptions, TensorType

X = (1, 4)


def codes(model: Any) -> list[str]:
    return [operator.name for operator in model.main.operators]


def test_a_pair_that_alone_reads_its_tensor_goes() -> None:
    graph = PairedGraph()
    x = graph.input(X, ranged=False)
    y = graph.plain("ABS", [graph.pair(x)], X)
    model, (pairs,) = take_pairs(graph.model(graph.pair(y, 0.25, 3)), TensorType.INT8)
    assert codes(model) == ["ABS"]
    found = {tensor: (pair.type.zero_point, pair.position) for tensor, pair in pairs.items()}
    assert found == {x: ((0,), 0), y: ((3,), 1)}
    assert model.main.outputs == (y,)


def test_int8_pairs_give_a_uint8_model_and_back() -> None:
    graph = PairedGraph()
    model = graph.model(graph.plain("ABS", [graph.pair(graph.input(X, ranged=False), 0.5, 10)], X))
    for type_, zero_point in ((TensorType.INT8, 10), (TensorType.UINT8, 138)):
        ((pair,),) = (pairs.values() for pairs in take_pairs(model, type_)[1])
        assert (pair.type.type, pair.type.zero_point) == (type_, (zero_point,))


def test_fake_quant_is_a_pair() -> None:
    graph = PairedGraph()
    x = graph.input(X, ranged=False)
    model = graph.model(graph.plain("ABS", [graph.fake_quant(x, -1.0, 3.0, narrow_range=True)], X))
    pair = take_pairs(model, TensorType.INT8)[1][0][x]
    assert pair.type.scale == (4 / 254,)
    assert pair.type.zero_point == (65 - 128,)  # 1 + 1 / scale = 64.5
    assert pair.type.narrow_range


def test_readers_past_a_pair_and_pairs_in_a_row_leave_a_marker() -> None:
    graph = PairedGraph()
    x = graph.input(X, ranged=False)
    y = graph.pair(graph.pair(x, 0.5), 0.25)
    model = graph.model(graph.plain("ADD", [y, graph.plain("ABS", [y], X)], X, AddOptions()))
    taken, (pairs,) = take_pairs(model, TensorType.INT8)
    assert codes(taken) == ["FAKE_QUANT", "ABS", "ADD"]
    assert len(pairs) == 2
    again = quantize(model, "qat")
    assert "FAKE_QUANT" not in codes(again)


def test_a_constant_with_several_readers_is_copied_for_its_pair() -> None:
    graph = PairedGraph()
    w = graph.random(*X)
    x = graph.pair(graph.input(X, ranged=False))
    y = graph.plain("ADD", [x, graph.pair(w, 0.01)], X, AddOptions())
    model = graph.model(graph.plain("ADD", [y, w], X, AddOptions()))
    taken, (pairs,) = take_pairs(model, TensorType.INT8)
    (copy,) = [tensor for tensor in pairs if taken.is_constant(taken.main.tensors[tensor])]
    assert copy != w
    assert taken.main.operators[0].inputs[1] == copy
    assert taken.main.operators[1].inputs[1] == w


def test_a_pair_that_something_else_reads_in_integers_is_none() -> None:
    graph = PairedGraph()
    floats = graph.pair(graph.input(X, ranged=False))
    integers = graph.graph.operators[0].outputs[0]
    model = graph.model(floats, integers)
    with pytest.raises(QuantizationError, match="already quantized"):
        quantize(model, "qat")


@pytest.mark.parametrize("bits", [1, 9, 16])
def test_numbers_of_bits_that_8_bits_cannot_hold(bits: int) -> None:
    graph = PairedGraph()
    model = graph.model(graph.fake_quant(graph.input(X, ranged=False), 0.0, 1.0, bits))
    with pytest.raises(QuantizationError, match=rf"operator 0 FAKE_QUANT: num_bits is {bits}.*2 to 8 bits"):
        quantize(model, "qat")


@pytest.mark.parametrize("bounds", [(1.0, -1.0), (0.0, 0.0), (0.5, 1.0), (-1.0, float("nan")), (0.0, float("inf"))])
def test_ranges_without_meaning(bounds: tuple[float, float]) -> None:
    graph = PairedGraph()
    model = graph.model(graph.fake_quant(graph.input(X, ranged=False), *bounds))
    with pytest.raises(QuantizationError, match=r"FAKE_QUANT: the range .* is not finite with min <= 0 <= max"):
        quantize(model, "qat")


def test_fake_quant_without_options() -> None:
    graph = PairedGraph()
    model = graph.model(graph.fake_quant(graph.input(X, ranged=False), 0.0, 1.0))
    assert isinstance(model.main.operators[0].options, FakeQuantOptions)
    model.main.operators[0].options = None
    with pytest.raises(QuantizationError, match="FAKE_QUANT has no options, so no range"):
        quantize(model, "qat")


def test_activations_of_four_bits() -> None:
    graph = PairedGraph()
    model = graph.model(graph.plain("ABS", [graph.fake_quant(graph.input(X, ranged=False), 0.0, 1.0, 4)], X))
    with pytest.raises(QuantizationError, match=r"tensor 0 'input0' is fake-quantized to 4 bits or fewer"):
        quantize(model, "qat")


@pytest.mark.parametrize("scale", [0.0, -0.5, float("nan"), float("inf")])
def test_scales_without_meaning(scale: float) -> None:
    graph = PairedGraph()
    model = graph.model(graph.plain("ABS", [graph.pair(graph.input(X, ranged=False), scale)], X))
    with pytest.raises(QuantizationError, match="scale"):
        quantize(load(to_bytes(model)), "qat")


def test_parameters_that_are_not_as_many_as_channels() -> None:
    graph = PairedGraph()
    x = graph.pair(graph.input((1, 4, 4, 3), ranged=False))
    w = graph.pair(graph.random(2, 1, 1, 3), [0.5, 0.5, 0.5], 0, np.int8, 0)
    model = graph.model(graph.plain("CONV_2D", [x, w, -1], (1, 4, 4, 2)))
    with pytest.raises(QuantizationError, match=r"3 scales.*2 channels"):
        quantize(model, "qat")

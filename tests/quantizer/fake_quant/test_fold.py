from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.fake_quant.pairs import take_pairs
from tests.quantizer.fake_quant.paired import PairedGraph
from tflite_schema import AddOptions, ReshapeOptions, TensorType

X = (3, 2)


def test_moved_constants_become_constants() -> None:
    graph = PairedGraph()
    w = graph.random(2, 3)
    moved = graph.plain("TRANSPOSE", [graph.pair(w, 0.01), graph.constant([1, 0], np.int32)], X)
    flat = graph.plain("RESHAPE", [moved, graph.constant([6], np.int32)], (6,), ReshapeOptions())
    back = graph.plain("RESHAPE", [flat, graph.constant(X, np.int32)], X, ReshapeOptions())
    x = graph.pair(graph.input(X, ranged=False))
    model = graph.model(graph.pair(graph.plain("ADD", [x, back], X, AddOptions())))
    taken, (pairs,) = take_pairs(model, TensorType.INT8)
    assert [operator.name for operator in taken.main.operators] == ["ADD"]
    constant = taken.main.operators[0].inputs[1]
    values, original = taken.constant(taken.main.tensors[constant]), model.constant(model.main.tensors[w])
    assert values is not None
    assert original is not None
    assert np.array_equal(values, original.T)
    assert np.float32(pairs[constant].type.scale[0]) == np.float32(0.01)
    assert pairs[constant].position == 0
    assert [operator.name for operator in quantize(model, "qat").main.operators] == ["QUANTIZE", "ADD", "DEQUANTIZE"]


def test_channels_that_move() -> None:
    graph = PairedGraph()
    pair = graph.pair(graph.random(2, 3), [0.01, 0.02], 0)
    moved = graph.plain("TRANSPOSE", [pair, graph.constant([1, 0], np.int32)], X)
    x = graph.pair(graph.input(X, ranged=False))
    model = graph.model(graph.plain("ADD", [x, moved], X, AddOptions()))
    with pytest.raises(QuantizationError, match=r"TRANSPOSE .* moves weights that are fake-quantized per channel"):
        quantize(model, "qat")


def test_an_order_that_is_none_is_left_to_the_kernel() -> None:
    graph = PairedGraph()
    moved = graph.plain("TRANSPOSE", [graph.pair(graph.random(2, 3), 0.01), graph.constant([1, 1], np.int32)], X)
    model = graph.model(graph.plain("ADD", [moved, moved], X, AddOptions()))
    taken, _ = take_pairs(model, TensorType.INT8)
    assert [operator.name for operator in taken.main.operators] == ["TRANSPOSE", "ADD"]

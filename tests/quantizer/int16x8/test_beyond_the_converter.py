"""Control flow and recurrent operators: they stay in float, and so do their states.

Of some, TensorFlow's quantizer makes files that do not load, or it stops; what we make of them runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph, calibrated
from tests.quantizer.int16x8.converter import Refused, check, converted, run_equal
from tests.quantizer.recurrent import FORMS, lstm, svdf

X = (2, 3, 4)


def of_function(function: Callable[[Any, Any], Any]) -> Model:
    """A function of (TensorFlow, a tensor of shape [1, 4]), converted and calibrated."""
    tensorflow = oracle.tensorflow()
    given = tensorflow.TensorSpec((1, 4), tensorflow.float32)
    traced = tensorflow.function(lambda x: function(tensorflow, x), input_signature=[given]).get_concrete_function()
    return calibrated(bytes(tensorflow.lite.TFLiteConverter.from_concrete_functions([traced]).convert()))


def names(model: Model | None) -> list[list[str]]:
    assert model is not None
    return [[operator.name for operator in graph.operators] for graph in model.subgraphs]


def test_branches_are_quantized() -> None:
    ours = check(of_function(lambda tf, x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0)))
    assert names(ours)[1:] == [["QUANTIZE", "SUB", "DEQUANTIZE"], ["QUANTIZE", "MUL", "DEQUANTIZE"]]
    assert ours is not None
    assert run_equal(ours) > 0


def test_loops_are_quantized() -> None:
    """TensorFlow asks for the range of an integer counter."""

    def loop(tf: Any, x: Any) -> Any:
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.nn.relu(y * 0.5 + 1.0)), [0, x])[1]

    model = of_function(loop)
    with pytest.raises(RuntimeError, match="Max and min for dynamic tensors should be recorded"):
        converted(model)
    ours = quantize(model, "int16x8")
    assert "QUANTIZE" in names(ours)[2]
    x = np.array([[0.1, 0.9, 0.25, 0.5]], np.float32)
    assert np.abs(oracle.outputs(to_bytes(ours), [x])[0] - (x / 8 + 1.75)).max() < 0.01


@pytest.mark.parametrize("form", ["plain", "all"])
def test_an_lstm_keeps_its_state(form: str) -> None:
    """TensorFlow gives the state to a DEQUANTIZE, and the operator a tensor that is no variable."""
    graph = FloatGraph(1)
    x = graph.op("RELU", [graph.input(X)], X)
    y = lstm(graph, x, FORMS[form])
    model = graph.model(graph.op("RELU", [y], graph.shape(y)))
    with pytest.raises(Refused):
        run_equal(converted(model))
    ours = quantize(model, "int16x8")
    assert names(ours) == [
        ["QUANTIZE", "RELU", "DEQUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "QUANTIZE", "RELU", "DEQUANTIZE"]
    ]
    assert run_equal(ours) > 0


def test_an_svdf_stays_in_float() -> None:
    graph = FloatGraph(1)
    ours = check(graph.model(svdf(graph, graph.input((2, 4)))))
    assert names(ours) == [["SVDF"]]

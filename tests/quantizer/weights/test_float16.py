from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.weights.float16 import half_precision
from qcore.tflite import to_bytes
from tests.oracle import outputs
from tests.quantizer.converter import FloatGraph
from tests.quantizer.recurrent import rnn
from tests.quantizer.weights.graphs import basic_lstm, build, dense, sequence_rnn, svdf
from tests.quantizer.weights.oracle import check
from tflite_schema import AddOptions, MulOptions, TensorType

EDGES = [0, -0.0, 65504, 65519, 65520, 1e6, -1e6, np.inf, -np.inf, 2**-24, 2**-25, 3 * 2**-25, -(2**-25) * 1.0001]
EDGES += [1e-8, 6.1e-5, 1 + 2**-11, 1 + 3 * 2**-11, 2049, 2051, np.nan]


def test_rounding_and_clamping() -> None:
    """Every edge against TensorFlow, bit for bit, NaN included."""

    def graph(g: FloatGraph) -> int:
        return int(g.op("ADD", [g.input((len(EDGES),)), g.constant(EDGES)], (len(EDGES),), options=AddOptions()))

    check(build(graph), ["float16"])
    halves = half_precision(np.array([1e6, -np.inf, 1 + 2**-11, 2051, 2**-25], np.float32))
    assert halves.tolist() == [65504, -65504, 1, 2052, 0]


def test_constants_that_become_equal_are_one_and_lose_their_names() -> None:
    def graph(g: FloatGraph) -> int:
        x = g.input((4,))
        for step in range(5):
            values = np.array([1, 2, 3, 4]) * (1 + 1e-6 * (step % 3))
            x = int(g.op("MUL", [x, g.constant(values)], (4,), options=MulOptions()))
        return x

    made = check(build(graph), ["float16"])["float16"]
    assert [op.name for op in made.main.operators].count("DEQUANTIZE") == 3
    halves = [tensor for tensor in made.main.tensors if tensor.type == TensorType.FLOAT16]
    assert [tensor.name for tensor in halves] == ["arith.constant"]


@pytest.mark.parametrize("function", [svdf, sequence_rnn, basic_lstm])
def test_recurrent_operators(function: Callable[[FloatGraph], Any]) -> None:
    """Weights, and biases, in half precision; the state stays float32."""
    made = check(build(function), ["float16"])["float16"]
    types = [made.main.tensors[tensor].type for op in made.main.operators for tensor in op.inputs]
    assert types.count(TensorType.FLOAT16) == [op.name for op in made.main.operators].count("DEQUANTIZE") > 1


@pytest.mark.parametrize("name", ["RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM"])
def test_recurrent_operators_that_the_converter_does_not_know(name: str) -> None:
    """It ends the process. Ours compute what the float model does with its constants rounded."""
    graph = FloatGraph(1)
    source = graph.model(*rnn(graph, name))
    made = quantize(source, "float16")
    rounded = source.copy()
    for tensor in rounded.main.tensors:
        values = rounded.constant(tensor)
        if values is not None:
            tensor.buffer = rounded.add_buffer(half_precision(values).astype(np.float32))
    x = np.random.default_rng(0).normal(size=source.main.tensors[0].shape).astype(np.float32)
    for ours, expected in zip(outputs(to_bytes(made), [x]), outputs(to_bytes(rounded), [x]), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    "option", [{"per_channel": False}, {"denylisted_ops": ["ADD"]}, {"denylisted_nodes": ["fully_connected_0"]}]
)
def test_options_that_say_nothing_about_halves(option: dict[str, Any]) -> None:
    with pytest.raises(QuantizationError, match=f"{next(iter(option))} says nothing about float16"):
        quantize(build(dense), "float16", **option)

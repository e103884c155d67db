from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.weights.float16 import half_precision
from tests.quantizer.converter import FloatGraph
from tests.quantizer.weights.graphs import build, dense
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


@pytest.mark.parametrize(
    "option", [{"per_channel": False}, {"denylisted_ops": ["ADD"]}, {"denylisted_nodes": ["fully_connected_0"]}]
)
def test_options_that_say_nothing_about_halves(option: dict[str, Any]) -> None:
    with pytest.raises(QuantizationError, match=f"{next(iter(option))} says nothing about float16"):
        quantize(build(dense), "float16", **option)

"""The order of constants, against the converter in the situations that turn it around."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quantizer.converter import FloatGraph, check
from tflite_schema import AddOptions, ConcatenationOptions, NegOptions, PadOptions, ReducerOptions

PADDINGS = [[0, 0], [1, 1], [1, 1], [0, 0]]


def padded_twice(graph: FloatGraph, x: int, *, equal: bool) -> int:
    """PAD, NEG, PAD, MEAN: integer constants, of which two are equal."""
    y = graph.op("PAD", [x, graph.constant(PADDINGS, np.int32)], (1, 6, 6, 4), options=PadOptions())
    y = graph.op("NEG", [y], (1, 6, 6, 4), options=NegOptions())
    second = PADDINGS if equal else [[0, 0], [2, 0], [0, 2], [0, 0]]
    y = graph.op("PAD", [y, graph.constant(second, np.int32)], (1, 8, 8, 4), options=PadOptions())
    return int(graph.op("MEAN", [y, graph.constant([1, 2], np.int32)], (1, 4), options=ReducerOptions()))


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("ranged", [False, True])
def test_integer_constants(equal: bool, ranged: bool) -> None:
    """With and without a range at the graph input, which stands before the first constant."""
    graph = FloatGraph()
    x = graph.input((1, 4, 4, 4))
    if not ranged:  # the concatenation's range replaces the input's
        x = graph.op("CONCATENATION", [x, x], (1, 4, 4, 8), options=ConcatenationOptions(axis=3))
        x = graph.op("SLICE", [x, *(graph.constant(v, np.int32) for v in ([0] * 4, [1, 4, 4, 4]))], (1, 4, 4, 4))
    check(graph.model(padded_twice(graph, x, equal=equal)))


def test_float_constants_among_quantized_ones() -> None:
    graph = FloatGraph()
    x = graph.input((1, 4, 4, 4))
    for name in ("ADD", "POW", "ADD", "POW"):
        x = graph.op(name, [x, graph.random(1, 1, 1, 4)], (1, 4, 4, 4), options=AddOptions() if name == "ADD" else None)
    check(graph.model(padded_twice(graph, x, equal=False)))

"""Random graphs and random weights against TensorFlow's pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.ir import Model
from tests.quantizer.converter import FloatGraph
from tests.quantizer.random_graphs import float_graphs
from tests.quantizer.weights.graphs import build, conv, dense, matmul
from tests.quantizer.weights.oracle import check


@st.composite
def weighted(draw: st.DrawFn) -> Model:
    """Chains of layers whose weights are of any size, on both sides of 1024 elements; some share them."""
    graph = FloatGraph(draw(st.integers(0, 2**32 - 1), label="seed"))
    size = draw(st.sampled_from([31, 32, 40]))
    x, weights, results = graph.input((2, size)), [], []
    for _ in range(draw(st.integers(1, 5))):
        values = graph.rng.normal(0, 10.0 ** draw(st.integers(-8, 4)), (size, size))
        values[:, draw(st.integers(0, size - 1))] *= draw(st.sampled_from([0, 1, 1e3]))
        weights.append(graph.constant(values))
        x = dense(graph, draw(st.sampled_from(weights)), x, units=size, size=size)
        x = int(graph.op(draw(st.sampled_from(["TANH", "ABS", "LOGISTIC"])), [x], (2, size)))
        if draw(st.booleans()):
            results.append(x)
    return graph.model(*dict.fromkeys([*results, x]))


def names_agree(model: Model) -> bool:
    """Not so where TRANSPOSE_CONV has no bias: to the pass, but not to the converter, that takes a name."""
    return all(op.name != "TRANSPOSE_CONV" or len(op.inputs) == 4 for op in model.main.operators)


@settings(max_examples=25)
@given(model=float_graphs().filter(names_agree))
def test_float16(model: Model) -> None:
    check(model, ["float16"])


@settings(max_examples=25)
@given(model=weighted(), per_channel=st.booleans())
def test_weights(model: Model, per_channel: bool) -> None:
    check(model, per_channel=per_channel)


@pytest.mark.conformance
@settings(max_examples=300, derandomize=False)
@given(model=st.one_of(float_graphs(20).filter(names_agree), weighted()), per_channel=st.booleans())
def test_any(model: Model, per_channel: bool) -> None:
    check(model, per_channel=per_channel)


@pytest.mark.conformance
@settings(max_examples=100, derandomize=False)
@given(seed=st.integers(0, 2**32 - 1), per_channel=st.booleans())
def test_layers(seed: int, per_channel: bool) -> None:
    for layer in (conv, dense, matmul):
        check(build(layer, seed), per_channel=per_channel)

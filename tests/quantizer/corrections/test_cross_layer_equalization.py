"""The network computes the same; ranges meet; and where channels were unequal, one scale per tensor serves again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, Model, QuantizationError, calibrate, equalize, quantize
from qcore.auditor.metrics import sqnr
from tests.quantizer.corrections.networks import CHANNELS, RELU6, SHAPE, SIZE, Network, unbalanced
from tflite_schema import ActivationFunctionType, FullyConnectedOptions

SAMPLES = [np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32) for seed in range(16)]


def outputs(model: Model) -> Any:
    interpreter = Interpreter(model)
    return np.array([interpreter.run(x)[0] for x in SAMPLES])


def weights(model: Model, index: int) -> Any:
    return model.constant(model.main.tensors[model.main.operators[index].inputs[1]])


def ranges(model: Model, first: int, second: int, axes: tuple[int, int]) -> tuple[Any, Any]:
    found = []
    for index, axis in ((first, axes[0]), (second, axes[1])):
        w = weights(model, index)
        found.append(np.abs(w).max(axis=tuple(i for i in range(w.ndim) if i != axis)))
    return found[0], found[1]


@pytest.mark.parametrize(
    "model",
    [
        Network().conv().depthwise().conv().dense().done(),
        Network().conv(ActivationFunctionType.NONE).relu().pool().conv().done(),
        Network().depthwise(bias=False).depthwise(bias=False).conv().done(),
    ],
    ids=["chain", "pool", "no_bias"],
)
def test_the_network_computes_the_same(model: Model) -> None:
    equalized = equalize(model)
    expected = outputs(model)
    np.testing.assert_allclose(outputs(equalized), expected, atol=2e-6 * float(np.abs(expected).max()))
    assert [op.code for op in equalized.main.operators] == [op.code for op in model.main.operators]
    changed = [not np.array_equal(weights(model, i), weights(equalized, i)) for i in (0, len(model.main.operators) - 1)]
    assert changed == [True, True]
    assert sum(b is not None and b.size for b in equalized.buffers) == sum(
        b is not None and b.size for b in model.buffers
    )


def test_the_ranges_of_a_pair_become_their_geometric_mean() -> None:
    model = Network().conv().conv().done()
    before, after = (ranges(m, 0, 1, (0, 3)) for m in (model, equalize(model)))
    np.testing.assert_allclose(after[0], np.sqrt(before[0] * before[1]), rtol=1e-6)
    np.testing.assert_allclose(after[1], after[0], rtol=1e-6)


def test_in_a_chain_all_pairs_are_equal_in_the_end() -> None:
    equalized = equalize(Network().conv().depthwise().conv().done())
    for first, axes in ((0, (0, 3)), (1, (3, 3))):
        r1, r2 = ranges(equalized, first, first + 1, axes)
        np.testing.assert_allclose(r1, r2, rtol=3e-3)


def test_unequal_channels_in_one_scale() -> None:
    """In int8 per tensor, equalization regains at least 15 dB, and comes within 2 dB of the balanced network."""
    balanced, model = unbalanced(1.0), unbalanced(300.0)
    found = []
    for m in (model, equalize(model), balanced):
        quantized = quantize(m, "int8", calibrate(m, SAMPLES), per_channel=False)
        found.append(sqnr(outputs(balanced), outputs(quantized)))
    assert found[1] > found[0] + 15
    assert found[1] > found[2] - 2


def test_zero_channels_stay() -> None:
    graph = Network()
    graph.conv().conv()
    model = graph.done()
    w = weights(model, 0).copy()
    w[2] = 0
    model.main.tensors[model.main.operators[0].inputs[1]].buffer = model.add_buffer(w)
    equalized = equalize(model)
    np.testing.assert_array_equal(weights(equalized, 0)[2], 0)
    np.testing.assert_array_equal(weights(equalized, 1)[..., 2], weights(model, 1)[..., 2])
    np.testing.assert_allclose(outputs(equalized), outputs(model), rtol=1e-4, atol=1e-4)


def shared_weights() -> Model:
    model = Network().conv().conv().done()
    first, second = model.main.operators
    second.inputs = (second.inputs[0], first.inputs[1], second.inputs[2])
    return model


def inner_output() -> Model:
    model = Network().conv().conv().done()
    model.main.outputs = (*model.main.outputs, model.main.operators[0].outputs[0])
    return model


def flattened() -> Model:
    graph = Network().conv()
    operands = [graph.x, graph.random(5, SIZE * SIZE * CHANNELS), -1]
    graph.x = graph.op("FULLY_CONNECTED", operands, (1, 5), options=FullyConnectedOptions())
    return graph.done()


@pytest.mark.parametrize(
    "model",
    [Network().conv(RELU6).conv().done(), Network().conv().done(), shared_weights(), inner_output(), flattened()],
    ids=["relu6", "one_layer", "shared", "output", "flattened"],
)
def test_what_is_no_pair(model: Model) -> None:
    with pytest.raises(QuantizationError, match="no two layers can be equalized"):
        equalize(model)


def test_relu6_parts_what_it_stands_between_only() -> None:
    model = Network().conv(RELU6).conv().conv().done()
    equalized = equalize(model)
    np.testing.assert_array_equal(weights(equalized, 0), weights(model, 0))
    np.testing.assert_allclose(outputs(equalized), outputs(model), atol=1e-4)

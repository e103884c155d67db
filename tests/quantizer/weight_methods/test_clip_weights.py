"""Clipped weights in the int8 pipeline: other scales, integers that use them in full, less error where it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, QuantizationError, Recipe, quantize
from qcore.auditor.metrics import real_values, sqnr
from qcore.calibrator import calibrate
from qcore.ir import Model, Tensor
from qcore.quantizer.weight_methods import WEIGHT_METHODS, clip_weights, weight_scale
from tests.quantizer.converter import FloatGraph
from tflite_schema import FullyConnectedOptions

INPUTS, OUTPUTS = 512, 128


def dense() -> Model:
    """One FULLY_CONNECTED whose weights are heavy-tailed: the largest is 200 times the median."""
    graph = FloatGraph()
    w = 0.01 * np.random.default_rng(1).standard_t(2.5, (OUTPUTS, INPUTS))
    y = graph.op(
        "FULLY_CONNECTED",
        [graph.input((1, INPUTS)), graph.constant(w), -1],
        (1, OUTPUTS),
        options=FullyConnectedOptions(),
    )
    return graph.model(y)


SAMPLES = [np.random.default_rng(seed).normal(size=(1, INPUTS)).astype(np.float32) for seed in range(20)]


def weights(model: Model) -> tuple[Tensor, Any]:
    tensor = next(tensor for tensor in model.main.tensors if tensor.shape == (OUTPUTS, INPUTS))
    return tensor, model.constant(tensor)


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
@pytest.mark.parametrize("method", ["mse", "octav"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_the_file_holds_the_methods_scale_and_its_integers(recipe: str, method: str, per_channel: bool) -> None:
    model = dense()
    quantized = quantize(model, recipe, calibrate(model, SAMPLES), per_channel=per_channel, weight_method=method)
    (_, w), (tensor, integers) = weights(model), weights(quantized)
    scale = weight_scale(w, 0 if per_channel else None, method)
    assert tensor.quant is not None
    np.testing.assert_array_equal(tensor.quant.scale, scale)
    steps = np.clip(w / (scale[:, None] if per_channel else scale), -127, 127)
    assert np.abs(integers - steps).max() <= 0.5 + 1e-4
    assert np.abs(integers).max() == 127


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
@pytest.mark.parametrize("method", ["mse", "octav"])
def test_heavy_tails_in_one_scale(recipe: str, method: str) -> None:
    """Per tensor in 8 bits: clipping gains at least 0.8 dB in the weights and in the layer's output."""
    model = dense()
    w = weights(model)[1]
    ranges = calibrate(model, SAMPLES)
    found = []
    for chosen in ("min_max", method):
        quantized = quantize(model, recipe, ranges, per_channel=False, weight_method=chosen)
        tensor, integers = weights(quantized)
        outputs = [np.ravel([Interpreter(m).run(x)[0] for x in SAMPLES]) for m in (model, quantized)]
        found.append((sqnr(w, real_values(tensor, integers)), sqnr(*outputs)))
    assert found[1][0] > found[0][0] + 0.8
    assert found[1][1] > found[0][1] + 0.8


@pytest.mark.parametrize("recipe", ["dynamic_range", "weight_only_int8"])
@pytest.mark.parametrize("method", ["mse", "octav"])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_alone(recipe: str, method: str, bits: int, per_channel: bool) -> None:
    """The method's scale, in the scheme's arithmetic, and less squared error than min_max."""
    model, axis = dense(), 0 if per_channel else None
    w = weights(model)[1]
    errors = {}
    for chosen in ("min_max", method):
        made = quantize(model, recipe, per_channel=per_channel, weight_method=chosen, weight_bits=bits)
        tensor, integers = weights(made)
        magnitude = WEIGHT_METHODS[chosen](w, axis, bits, bits == 8)
        doubled = (2 * magnitude.astype(np.float64) / 254).astype(np.float32)
        scale = doubled if bits == 8 else magnitude / np.float32(7)
        assert tensor.quant is not None
        np.testing.assert_array_equal(tensor.quant.scale, scale)
        highest = 2 ** (bits - 1) - 1
        steps = np.clip(w / (scale[:, None] if per_channel else scale), -highest - (bits == 4), highest)
        assert np.abs(integers - steps).max() <= 0.5 + 1e-4
        errors[chosen] = np.square(w - real_values(tensor, integers), dtype=np.float64).sum()
    assert errors[method] < errors["min_max"]


@pytest.mark.parametrize("bits", [3, 4])
@pytest.mark.parametrize("axis", [0, None])
def test_few_bits_gain_decibels(bits: int, axis: int | None) -> None:
    """Normal weights in 3 or 4 bits: both methods lose at least 1.5 dB less than min_max; in full range as well."""
    w = np.random.default_rng(0).normal(size=(8, 1000)).astype(np.float32)
    highest = 2 ** (bits - 1) - 1
    found = {}
    for method in WEIGHT_METHODS:
        scale = weight_scale(w, axis, method, bits=bits)
        scale = scale[:, None] if axis == 0 else scale
        found[method] = sqnr(w, scale * np.clip(np.rint(w / scale), -highest, highest))
    assert found["mse"] > found["min_max"] + 1.5
    assert found["octav"] > found["min_max"] + 1.5
    assert found["mse"] >= found["octav"] - 0.01


@pytest.mark.parametrize("method", WEIGHT_METHODS)
def test_zeros_are_quantized(method: str) -> None:
    assert clip_weights(np.zeros((2, 3), np.float32), 0, method).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert weight_scale(np.zeros((2, 3), np.float32), None, method).tolist() == [0]
    graph = FloatGraph(span=(-1.0, 1.0))
    zeros = graph.constant(np.zeros((2, 3), np.float32))
    y = graph.op("FULLY_CONNECTED", [graph.input((1, 3)), zeros, -1], (1, 2), options=FullyConnectedOptions())
    model = quantize(graph.model(y), "int8", weight_method=method)
    assert Interpreter(model).run(np.ones((1, 3), np.float32))[0].tolist() == [[0, 0]]


def test_methods_that_there_are_not() -> None:
    with pytest.raises(QuantizationError, match="no weight_method 'max'; there are min_max, mse, octav"):
        Recipe("mine", weight_method="max")

"""Against the equation written out in NumPy, and by the mean error that is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import CalibrationError, Interpreter, Model, QuantizationError, calibrate, correct_biases, quantize
from qcore.auditor.metrics import real_values, sqnr
from qcore.tflite import to_bytes
from tests import oracle
from tests.graphs import chain_of_adds
from tests.quantizer.converter import FloatGraph
from tests.quantizer.corrections.networks import CHANNELS, SHAPE, unbalanced
from tflite_schema import ActivationFunctionType, FullyConnectedOptions

RELU, RELU6, NONE = (ActivationFunctionType[name] for name in ("RELU", "RELU6", "NONE"))
INPUTS = 12
SAMPLES = [np.random.default_rng(seed).normal(0.7, 1, (3, INPUTS)).astype(np.float32) for seed in range(10)]


def dense(activations: list[Any], bias: bool = True) -> Model:
    """FULLY_CONNECTED layers whose rows differ in range 100 times, so that one scale rounds some of them to nothing."""
    graph = FloatGraph()
    x = graph.input((3, INPUTS))
    for activation in activations:
        w = graph.constant(graph.rng.normal(0.1, 0.3, (INPUTS, INPUTS)) * np.geomspace(0.01, 1, INPUTS)[:, None])
        options = FullyConnectedOptions(fused_activation_function=activation)
        x = graph.op("FULLY_CONNECTED", [x, w, graph.random(INPUTS) if bias else -1], (3, INPUTS), options=options)
    return graph.model(x)


def constant(model: Model, operator: int, position: int) -> Any:
    tensor = model.main.tensors[model.main.operators[operator].inputs[position]]
    return real_values(tensor, model.constant(tensor))  # type: ignore[arg-type]


def by_hand(model: Model, quantized: Model) -> list[Any]:
    """The corrected biases, layer after layer, in float64."""
    bounds = {NONE: (-np.inf, np.inf), RELU: (0, np.inf), RELU6: (0, 6)}
    x = exact = np.concatenate(SAMPLES).astype(np.float64)
    corrected = []
    layers = [op for op in quantized.main.operators if op.code.name == "FULLY_CONNECTED"]
    for index, op in enumerate(model.main.operators):
        w, has_bias = constant(model, index, 1).astype(np.float64), op.inputs[2] >= 0
        b = constant(model, index, 2).astype(np.float64) if has_bias else np.zeros(INPUTS)
        rounded = constant(quantized, quantized.main.operators.index(layers[index]), 1).astype(np.float64)
        shift = (x @ rounded.T + b).mean(0) - (exact @ w.T + b).mean(0)
        corrected.append(b - shift)
        low, high = bounds[op.options.fused_activation_function]
        exact = np.clip(exact @ w.T + b, low, high)
        x = np.clip(x @ rounded.T + corrected[-1], low, high)
    return corrected


@pytest.mark.parametrize(("recipe", "type_"), [("int8", "INT32"), ("int16x8", "INT64")])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activations", [[NONE], [RELU, NONE], [RELU6, RELU, NONE]], ids=len)
def test_equals_the_equation(activations: list[Any], bias: bool, recipe: str, type_: str) -> None:
    model = dense(activations, bias)
    quantized = quantize(model, recipe, calibrate(model, SAMPLES), per_channel=False)
    before = quantized.copy()
    result = correct_biases(model, quantized, SAMPLES)
    layers = [i for i, op in enumerate(result.main.operators) if op.code.name == "FULLY_CONNECTED"]
    for index, expected in zip(layers, by_hand(model, quantized), strict=True):
        tensor = result.main.tensors[result.main.operators[index].inputs[2]]
        assert tensor.type.name == type_
        assert tensor.quant is not None
        np.testing.assert_allclose(
            constant(result, index, 2), expected, rtol=0, atol=0.51 * float(tensor.quant.scale[0]) + 1e-6
        )
    assert [op.code for op in result.main.operators] == [op.code for op in before.main.operators]
    assert quantized == before
    assert len(Interpreter(to_bytes(result)).run(SAMPLES[0])) == 1


IMAGES = [np.random.default_rng(seed).normal(0.7, 1, SHAPE).astype(np.float32) for seed in range(48)]


def test_the_mean_error_that_is_left() -> None:
    """Per tensor in int8, on samples not looked at: at most a tenth of the mean error, at least 2 dB gained."""
    model = unbalanced(30.0)
    seen, unseen = IMAGES[:24], IMAGES[24:]
    quantized = quantize(model, "int8", calibrate(model, seen), per_channel=False)
    corrected = correct_biases(model, quantized, seen)
    exact, before, after = (
        np.array([Interpreter(m).run(x)[0] for x in unseen], np.float64).reshape(-1, CHANNELS)
        for m in (model, quantized, corrected)
    )
    left = [np.abs((y - exact).mean(0)).mean() for y in (before, after)]
    assert left[1] < 0.1 * left[0]
    assert sqnr(exact, after) > sqnr(exact, before) + 2


def test_a_shared_bias_is_parted() -> None:
    model = dense([RELU, NONE])
    first, second = model.main.operators
    second.inputs = (*second.inputs[:2], first.inputs[2])
    quantized = quantize(model, "int8", calibrate(model, SAMPLES), per_channel=False)
    for op in quantized.main.operators:
        if op.code.name == "FULLY_CONNECTED":
            op.inputs = (*op.inputs[:2], quantized.main.operators[1].inputs[2])
    result = correct_biases(model, quantized, SAMPLES)
    biases = {op.inputs[2] for op in result.main.operators if op.code.name == "FULLY_CONNECTED"}
    assert len(biases) == 2


def test_progress_counts_every_pass() -> None:
    model = dense([RELU, NONE])
    quantized = quantize(model, "int8", calibrate(model, SAMPLES))
    seen: list[tuple[int, int | None]] = []
    correct_biases(model, quantized, SAMPLES, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 30) for done in range(1, 31)]


def test_what_cannot_be_corrected() -> None:
    model = dense([NONE])
    quantized = quantize(model, "int8", calibrate(model, SAMPLES))
    with pytest.raises(QuantizationError, match="the two models have different operators"):
        correct_biases(dense([RELU, NONE]), quantized, SAMPLES)
    with pytest.raises(QuantizationError, match="no layer of the main graph has rounded weights"):
        correct_biases(model, model, SAMPLES)
    with pytest.raises(QuantizationError, match="no layer of the main graph has rounded weights"):
        correct_biases(chain_of_adds(), chain_of_adds(), [np.zeros((1, 3), np.float32)])
    with pytest.raises(CalibrationError, match="can be read only once"):
        correct_biases(model, quantized, iter(SAMPLES))
    with pytest.raises(CalibrationError, match="the dataset is empty"):
        correct_biases(model, quantized, [])


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
@pytest.mark.parametrize("bias", [True, False])
def test_tflite_runs_the_file(recipe: str, bias: bool) -> None:
    """A bias that was not there before, of int32 or int64, is one that TFLite's kernels take: all integers equal."""
    model = dense([RELU, NONE], bias)
    type_ = "int8" if recipe == "int8" else "int16"
    ranges = calibrate(model, SAMPLES)
    quantized = quantize(model, recipe, ranges, inference_input_type=type_, inference_output_type=type_)
    content = to_bytes(correct_biases(model, quantized, SAMPLES))
    for seed in range(3):
        x = np.random.default_rng(seed).integers(-100, 100, (3, INPUTS)).astype(type_)
        np.testing.assert_array_equal(Interpreter(content).run(x)[0], oracle.outputs(content, [x])[0])

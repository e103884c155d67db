"""The public call: what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qcore
from qcore.calibrator import Calibration, calibrate
from qcore.errors import CalibrationError, QuantizationError
from qcore.ir import Model, QuantParams, Subgraph
from qcore.quantizer import Recipe, quantize
from qcore.tflite import load, to_bytes
from tests.quantizer.comparison import differences
from tests.quantizer.converter import FloatGraph, check, run
from tflite_schema import AddOptions, FullyConnectedOptions, NegOptions, TensorType

X = (2, 3)


def small(*, ranged: bool = True) -> Model:
    graph = FloatGraph()
    x = graph.op("ADD", [graph.input(X, ranged=ranged), graph.random(1, 3)], X, options=AddOptions(), ranged=ranged)
    return graph.model(graph.op("LOGISTIC", [x], X, ranged=ranged))


def test_it_is_public() -> None:
    assert qcore.quantize is quantize


def test_recipes_by_name_by_value_and_by_keyword() -> None:
    model = small()
    wanted = quantize(model, "int8", inference_input_type=np.int8)
    for made in (
        quantize(model, inference_input_type="int8"),
        quantize(model, Recipe("mine", inference_input_type="int8")),
        quantize(model, Recipe("mine", inference_input_type="uint8"), inference_input_type="int8"),
    ):
        assert not differences(made, wanted)


def test_ranges_from_the_model_from_a_calibration_and_by_name() -> None:
    model = small()
    wanted = quantize(model)
    assert not differences(quantize(model, "int8", Calibration.from_model(model)), wanted)
    tensors = [t for t in model.main.tensors if t.quant is not None and t.quant.min is not None]
    by_name = {t.name: (t.quant.min[0], t.quant.max[0]) for t in tensors}  # type: ignore[union-attr, index]
    assert not differences(quantize(model, "int8", by_name), wanted)


def test_with_our_own_calibration() -> None:
    model = small(ranged=False)
    samples = [np.random.default_rng(seed).normal(size=X).astype(np.float32) for seed in range(4)]
    quantized = quantize(model, "int8", calibrate(model, samples))
    assert [op.name for op in quantized.main.operators] == ["QUANTIZE", "ADD", "LOGISTIC", "DEQUANTIZE"]
    assert run(quantized)[0].shape == X


def test_strict_refuses_what_would_stay_in_float() -> None:
    assert quantize(small(), strict=True)
    graph = FloatGraph()
    model = graph.model(graph.op("NEG", [graph.input(X)], X, options=NegOptions()))
    with pytest.raises(QuantizationError, match="1 operators would stay in float: NEG 'neg_0'"):
        quantize(model, strict=True)


def test_no_ranges() -> None:
    with pytest.raises(CalibrationError, match="no tensor of the model carries min and max; calibrate it"):
        quantize(small(ranged=False))


def test_one_range_missing() -> None:
    model = small()
    model.main.tensors[0].quant = None
    with pytest.raises(CalibrationError, match=r"inputs missing statistics: subgraph 0, operator 0 ADD needs .*input0"):
        quantize(model)


def test_ranges_of_another_model() -> None:
    graph = FloatGraph()
    other = graph.model(graph.op("ABS", [graph.input(X)], X))
    with pytest.raises(CalibrationError, match="the statistics are of another model"):
        quantize(small(), "int8", Calibration.from_model(other))


@pytest.mark.parametrize("bounds", [(np.nan, 1.0), (2.0, 1.0), (0.0, np.inf)])
def test_ranges_that_are_none(bounds: tuple[float, float]) -> None:
    model = small()
    low, high = (np.array([bound], np.float32) for bound in bounds)
    model.main.tensors[0].quant = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), 0, low, high)
    with pytest.raises(CalibrationError, match="tensor 0 'input0': the range"):
        quantize(model)


def test_a_model_that_is_quantized_already() -> None:
    with pytest.raises(QuantizationError, match="the model is already quantized: subgraph 0, tensor"):
        quantize(load(to_bytes(quantize(small()))))


def test_empty_models() -> None:
    for model in (Model([]), Model([Subgraph("main", [], [], (), ())])):
        with pytest.raises(QuantizationError, match="the model has no operators"):
            quantize(model)


def test_constants_the_file_quantized_stay_as_they_are() -> None:
    """A model with weights quantized for hybrid kernels, as real ones have."""
    graph = FloatGraph()
    x, bias = graph.input((2, 4)), graph.random(3)
    weight = graph.constant(np.arange(-6, 6).reshape(3, 4), np.int8)
    graph.graph.tensors[weight].quant = QuantParams.of(0.01)
    y: Any = graph.op("FULLY_CONNECTED", [x, weight, bias], (2, 3), options=FullyConnectedOptions())
    ours = check(graph.model(graph.op("LOGISTIC", [y], (2, 3))))
    assert ours is not None
    kept = next(tensor for tensor in ours.main.tensors if tensor.name == f"constant{weight}")
    assert kept.type == TensorType.INT8
    assert kept.quant is not None
    assert float(kept.quant.scale[0]) == float(np.float32(0.01))

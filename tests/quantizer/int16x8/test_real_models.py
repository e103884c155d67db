"""Whole models: real ones, and Keras models converted here; every field and every integer equals TensorFlow's."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.quantizer.int16x8.prepare import copy_bias
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.comparison import differences
from tests.quantizer.converter import calibrated
from tests.quantizer.int16x8.converter import check, converted, run_equal
from tests.quantizer.test_real_models import KERAS, REAL, branches, model

VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "int16": {"inference_input_type": "int16", "inference_output_type": "int16"},
    "int32 biases": {"bias_type": "int32"},
    "dense per tensor": {"per_channel_dense": False},
}


APPLICATIONS = {"MobileNetV2": 96, "MobileNetV3Small": 96, "EfficientNetB0": 64, "ResNet50": 64}
# TensorFlow quantizes it, but has no kernel for it; a layer normalization is made of it.
DENIED = {"transformer": {"denylisted_ops": ["SQUARED_DIFFERENCE"]}}
PARTLY_QUANTIZED = "mlptiny_kws_ref_model_float32"


def recipe(name: str, variant: str) -> dict[str, Any]:
    return {**VARIANTS[variant], **DENIED.get(name, {})}


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize("name", sorted({*REAL, *KERAS} - {PARTLY_QUANTIZED}))
def test_equals_the_converter_and_runs_as_in_tensorflow(name: str, variant: str) -> None:
    ours = check(model(name), **recipe(name, variant))
    codes = {operator.name for operator in model(name).main.operators}
    # It has no kernel for int16 with int32 biases.
    assert (ours is None) == (variant == "int32 biases" and "DEPTHWISE_CONV_2D" in codes)
    assert ours is None or run_equal(ours) > 0


def test_a_model_of_which_a_part_is_quantized_is_refused() -> None:
    with pytest.raises(RuntimeError, match="should not be recorded before quantization"):
        converted(model(PARTLY_QUANTIZED))
    with pytest.raises(QuantizationError, match=r"operator 0 CONV_2D: its operand .* is already quantized, to INT8"):
        quantize(model(PARTLY_QUANTIZED), "int16x8")


def test_layer_normalization_needs_a_denied_operator() -> None:
    with pytest.raises(QuantizationError, match=r"no kernel runs .* denylisted_ops=\['SQUARED_DIFFERENCE'\]"):
        quantize(model("transformer"), "int16x8")


@pytest.mark.parametrize("border", [pytest.param("float32", marks=pytest.mark.conformance), "int16"])
def test_the_whole_converter_gives_the_same_file(border: str) -> None:
    """`TFLiteConverter.convert()` itself, not its quantizer alone; it only adds metadata about the conversion."""
    tensorflow = oracle.tensorflow()
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    net = keras.Model(*branches(keras.layers))
    samples = [np.random.default_rng(i).normal(size=(1, 16, 16, 4)).astype(np.float32) for i in range(3)]

    def converter() -> Any:
        made = tensorflow.lite.TFLiteConverter.from_keras_model(net)
        made.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        made.representative_dataset = lambda: ([sample] for sample in samples)
        return made

    calibrating, converting = converter(), converter()
    calibrating._experimental_calibrate_only = True
    sets = tensorflow.lite.OpsSet
    converting.target_spec.supported_ops = [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    converting.inference_input_type = converting.inference_output_type = getattr(tensorflow, border)
    source = load(calibrating.convert())
    borders: dict[str, Any] = {"inference_input_type": border, "inference_output_type": border}
    ours = load(to_bytes(quantize(source, "int16x8", **borders)))
    found = [line for line in differences(ours, load(converting.convert())) if not line.startswith("metadata")]
    assert not found, found[:10]


def application_network(name: str) -> Any:
    """An application of Keras with random weights."""
    oracle.tensorflow()
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    size = APPLICATIONS[name]
    rng = np.random.default_rng(0)
    net = getattr(keras.applications, name)(input_shape=(size, size, 3), weights=None, classes=20)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # with beta = 0 the signal fades away on its way
            layer.beta.assign(rng.normal(0, 0.5, layer.beta.shape))
    start = keras.Input((size, size, 3), 1)
    return keras.Model(start, net(start))


@functools.cache
def application(name: str) -> Model:
    """The same in float, with the ranges of TensorFlow's calibrator."""
    made = application_network(name)
    return calibrated(oracle.tensorflow().lite.TFLiteConverter.from_keras_model(made).convert())


@pytest.mark.conformance
@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize("name", list(APPLICATIONS))
def test_applications(name: str, variant: str) -> None:
    model = application(name)
    codes = {operator.name for operator in model.main.operators}
    recipe = {**VARIANTS[variant], "denylisted_ops": sorted(codes & {"HARD_SWISH", "SQUARED_DIFFERENCE"})}
    ours = check(with_own_biases(model), **recipe)
    assert (ours is None) == (variant == "int32 biases" and "DEPTHWISE_CONV_2D" in codes)
    assert ours is None or run_equal(ours) > 0


def with_own_biases(model: Model) -> Model:
    """The model with a bias for each operator.

    MobileNetV3 has convolutions that share a bias of threes; TensorFlow quantizes it for the first of them only, which
    makes the others wrong. We give each a copy (see test_bias).
    """
    apart = model.copy()
    seen: set[int] = set()
    for operator in apart.main.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            if operator.inputs[2] in seen:
                copy_bias(apart, apart.main, operator, 2, len(seen))
            seen.add(operator.inputs[2])
    return load(to_bytes(apart))

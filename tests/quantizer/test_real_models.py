"""Whole models: real ones, and Keras models converted here; every field equals the converter's, in every variant."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.comparison import differences
from tests.quantizer.converter import calibrated, check, run

REAL = [
    "mlptiny_pretrainedResnet",
    "mlptiny_ad01_fp32",
    "mlptiny_kws_ref_model_float32",
    "aeq_conv_fc_mnist",
    "tflm_hello_world_float",
]
VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "int8": {"inference_input_type": "int8", "inference_output_type": "int8"},
    "uint8": {"inference_input_type": "uint8", "inference_output_type": "uint8"},
    "int8 to float32": {"inference_input_type": "int8"},
    "per tensor": {"per_channel": False},
    "dense per tensor": {"per_channel_dense": False},
}


def mobile_net(layers: Any) -> Any:
    """Inverted residuals, as in MobileNetV2."""
    x = start = layers.Input((32, 32, 3), 1)
    x = layers.Conv2D(8, 3, 2, "same", use_bias=False)(x)
    x = layers.ReLU(6)(layers.BatchNormalization()(x))
    for expanded, width, stride in ((24, 8, 1), (24, 12, 2), (36, 12, 1)):
        y = layers.Conv2D(expanded, 1, use_bias=False)(x)
        y = layers.ReLU(6)(layers.BatchNormalization()(y))
        if stride == 2:
            y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
        y = layers.DepthwiseConv2D(3, stride, "same" if stride == 1 else "valid", use_bias=False)(y)
        y = layers.ReLU(6)(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(y))
        x = layers.Add()([x, y]) if stride == 1 and x.shape[-1] == width else y
    x = layers.GlobalAveragePooling2D()(x)
    return start, layers.Dense(10, activation="softmax")(x)


def branches(layers: Any) -> Any:
    """Residuals, pooling, concatenation, padding, transposed convolution, resizing, two heads."""
    start = layers.Input((16, 16, 4), 1)
    a = layers.Conv2D(8, 3, padding="same", activation="relu")(start)
    b = layers.Conv2D(8, 3, padding="same")(a)
    c = layers.ReLU()(layers.Add()([a, b]))
    pooled = layers.AveragePooling2D(2)(c)
    joined = layers.ZeroPadding2D(1)(layers.Concatenate()([layers.MaxPooling2D()(c), pooled]))
    up = layers.LeakyReLU()(layers.Conv2DTranspose(6, 3, 2, "same")(joined))
    gate = layers.Conv2D(6, 1, activation="sigmoid")(layers.UpSampling2D(2, interpolation="bilinear")(pooled))
    mixed = layers.Activation("tanh")(layers.Multiply()([up, layers.ZeroPadding2D(2)(gate)]))
    flat = layers.GlobalAveragePooling2D()(mixed)
    return start, [layers.Dense(5, activation="softmax")(flat), layers.Dense(3, activation="sigmoid")(flat)]


def transformer(layers: Any) -> Any:
    """Attention, layer normalization, GELU."""
    x = start = layers.Input((8, 16), 1)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)]))
    y = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    return start, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling1D()(x))


def dynamic_batch(layers: Any) -> Any:
    """A batch known only at run time; a flattening, which needs SHAPE, STRIDED_SLICE and PACK."""
    start = layers.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, activation="relu")(start)
    return start, layers.Dense(3)(layers.Flatten()(x))


KERAS: dict[str, Callable[[Any], Any]] = {
    builder.__name__: builder for builder in (mobile_net, branches, transformer, dynamic_batch)
}


def network(name: str) -> Any:
    """One of KERAS, with weights of one seed."""
    oracle.tensorflow()
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    return keras.Model(*KERAS[name](keras.layers))


@functools.cache
def model(name: str) -> Model:
    """A float model with the ranges of TensorFlow's calibrator."""
    if name not in KERAS:
        path = oracle.MODELS / f"{name}.tflite"
        if not path.exists():
            pytest.skip(f"../shared/models/{name}.tflite is not here")
        return calibrated(path.read_bytes())
    return calibrated(oracle.tensorflow().lite.TFLiteConverter.from_keras_model(network(name)).convert())


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize("name", [*REAL, *KERAS])
def test_equals_the_converter(name: str, variant: str) -> None:
    assert check(model(name), **VARIANTS[variant]) is not None


@pytest.mark.parametrize("variant", ["float32", "int8", "uint8", "per tensor"])
@pytest.mark.parametrize("name", [*REAL, *KERAS])
def test_runs_in_tensorflow(name: str, variant: str) -> None:
    outputs = run(quantize(model(name), **VARIANTS[variant]))
    assert outputs
    assert all(np.isfinite(values).all() for values in outputs)


def test_the_whole_converter_gives_the_same_file() -> None:
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

    calibrating = converter()
    calibrating._experimental_calibrate_only = True
    ours = load(to_bytes(quantize(load(calibrating.convert()))))
    theirs = load(converter().convert())
    found = [line for line in differences(ours, theirs) if not line.startswith("metadata")]
    assert not found, found[:10]

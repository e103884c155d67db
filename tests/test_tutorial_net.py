"""The sizes a widely read tutorial of 2020 reports for a CIFAR-10 CNN, reached, and never more than the converter's."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest

from qcore import Model, calibrate, from_keras, quantize
from qcore.tflite import to_bytes
from tests import oracle
from tests.frontends.conftest import package

REPORTED = {"float32": 493_624, "float16": 249_936, "dynamic_range": 131_472, "int8": 133_216}
"""Bytes of the file; int8 with uint8 inputs and outputs."""

SAMPLES = [np.random.default_rng(i).uniform(size=(1, 32, 32, 3)).astype(np.float32) for i in range(3)]


@functools.cache
def net() -> Any:
    """Convolutions of 32, 64 and 64 channels, two poolings, dense layers of 64 and 10; weights as they come."""
    keras = package("keras")
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def converted(mode: str) -> int:
    """The size of TFLiteConverter's own file."""
    tf = oracle.tensorflow()
    converter = tf.lite.TFLiteConverter.from_keras_model(net())
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        converter.representative_dataset = lambda: ([sample] for sample in SAMPLES)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return len(converter.convert())


def ours(mode: str) -> Model:
    plain = from_keras(net())
    if mode == "float32":
        return plain
    if mode != "int8":
        return quantize(plain, mode)
    borders = {"inference_input_type": "uint8", "inference_output_type": "uint8"}
    return quantize(plain, mode, calibrate(plain, SAMPLES), **borders)


@pytest.mark.parametrize("mode", list(REPORTED))
def test_sizes(mode: str) -> None:
    size = len(to_bytes(ours(mode)))
    assert abs(size - REPORTED[mode]) <= 0.02 * REPORTED[mode]
    assert size <= converted(mode)

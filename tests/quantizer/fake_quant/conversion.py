"""TensorFlow's two converters, asked about models with fake quantization."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qcore.ir import Model
from qcore.tflite import load
from tests import oracle

__all__ = ["convert", "convert_as_tensorflow_1"]


def convert(make: Callable[[], Any], *, quantized: bool, inputs: str = "float32", outputs: str = "float32") -> Model:
    """TFLiteConverter's file: the float model, or, with its default optimization, the integer model."""
    tensorflow = oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = make()
        if quantized:
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
            converter.inference_input_type = getattr(tensorflow, inputs)
            converter.inference_output_type = getattr(tensorflow, outputs)
        return load(converter.convert())


def convert_as_tensorflow_1(
    session: Any,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    inference_type: str | None,
    attributes: Mapping[str, Any],
) -> Model:
    """The file of TensorFlow 1's converter: the float model, or one in `inference_type`."""
    tensorflow = oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tensorflow.compat.v1.lite.TFLiteConverter.from_session(session, list(inputs), list(outputs))
        if inference_type is not None:
            converter.inference_type = getattr(tensorflow, inference_type)
        for name, value in attributes.items():
            setattr(converter, name, value)
        return load(converter.convert())

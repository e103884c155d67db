"""Whole models made by TensorFlow's converter: how a zoo file describes one, and how it becomes .tflite bytes.

A model is a Keras network (`network`), a function of tensors (`function`) or a tf.Module with state (`module`), with
its inputs and the modes in which it is converted. A mode is left out of a model where

- nothing would change: weights in half precision or int8 for a model without weights;
- the converter refuses: int16x8 of integer inputs, of loops and of a second signature, which it does not calibrate;
- TFLite refuses the file: int16 SQUARED_DIFFERENCE (layer normalization), CUMSUM, SCATTER_ND and fused LSTM, int8
  REVERSE_SEQUENCE, an int8 DIV whose divisor is stored as 0, fed weights with a zero point;
- TFLite's reference kernel is wrong: int8 and int16 SUM;
- calibrating ends TensorFlow's process: loops over a TensorArray (recurrent layers of Keras 3), lookups by string;
- a float operator stands before a QUANTIZE and its sums, in another order, round to another integer: CONV_3D.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests import oracle

Array = NDArray[Any]
Mode = Literal["float32", "float16", "dynamic", "int8", "int8_float_io", "int16x8"]

# float16: half-precision weights; dynamic: int8 weights only; int8: with int8 inputs and outputs; int8_float_io: with
# float ones; int16x8: int16 activations, int8 weights.
EVERY: tuple[Mode, ...] = ("float32", "float16", "dynamic", "int8", "int8_float_io", "int16x8")
WEIGHTS_ONLY: tuple[Mode, ...] = ("float32", "float16", "dynamic")
NO_INT16: tuple[Mode, ...] = ("float32", "float16", "dynamic", "int8", "int8_float_io")
FLOAT: tuple[Mode, ...] = ("float32",)
ACTIVATIONS: tuple[Mode, ...] = ("float32", "int8", "int8_float_io", "int16x8")  # without weights to speak of
ACTIVATIONS8: tuple[Mode, ...] = ("float32", "int8", "int8_float_io")
CALIBRATED: tuple[Mode, ...] = ("int8", "int8_float_io", "int16x8")


@dataclass(frozen=True)
class Input:
    """An input: `shape` may hold None for a dimension left open; `fed` is the shape of the data."""

    shape: tuple[int | None, ...]
    fed: tuple[int, ...]
    dtype: str
    low: float
    high: float
    choices: tuple[Any, ...] = ()

    def draw(self, rng: np.random.Generator) -> Array:
        """Data of this input: uniform in low..high (integers: both ends included), or out of `choices`."""
        if self.choices:
            return np.asarray(rng.choice(np.array(self.choices, object), self.fed))
        if self.dtype == "bool":
            return np.asarray(rng.random(self.fed) < 0.5)
        if self.dtype.startswith("complex"):
            parts = rng.uniform(self.low, self.high, (2, *self.fed))
            return np.asarray((parts[0] + 1j * parts[1]).astype(self.dtype))
        if np.dtype(self.dtype).kind in "iu":
            return np.asarray(rng.integers(int(self.low), int(self.high), self.fed, endpoint=True).astype(self.dtype))
        return np.asarray(rng.uniform(self.low, self.high, self.fed).astype(self.dtype))


def floats(*shape: int | None, low: float = -1.0, high: float = 1.0, fed: tuple[int, ...] = ()) -> Input:
    """A float32 input; `fed` gives the sizes where `shape` has None."""
    return Input(shape, fed or tuple(n or 1 for n in shape), "float32", low, high)


def integers(*shape: int | None, low: int = 0, high: int, dtype: str = "int32", fed: tuple[int, ...] = ()) -> Input:
    """An integer input with values low..high."""
    return Input(shape, fed or tuple(n or 1 for n in shape), dtype, low, high)


def values(*shape: int, dtype: str, low: float = -1.0, high: float = 1.0, choices: Sequence[Any] = ()) -> Input:
    """An input of any other type: bool, complex64, float64, string (out of `choices`)."""
    return Input(shape, shape, dtype, low, high, tuple(choices))


@dataclass(frozen=True)
class Sample:
    """A model of the zoo: what `build` returns is `converter(source)`'s argument."""

    name: str
    inputs: tuple[Input, ...]
    modes: tuple[Mode, ...]
    quick: tuple[Mode, ...]
    converter: Callable[[], Any]
    invocations: int = 1
    optimized: tuple[Mode, ...] = ()  # modes with an operator that TFLite registers no reference kernel for
    custom_ops: bool = False
    signature: str | None = None

    def feeds(self, seed: int) -> list[Array]:
        """One array for each input."""
        rng = np.random.default_rng(seed)
        return [entry.draw(rng) for entry in self.inputs]

    def convert(self, mode: Mode) -> bytes:
        """The .tflite bytes TensorFlow's converter makes in this mode."""
        tf = oracle.tensorflow()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converter = self.converter()
            converter.allow_custom_ops = self.custom_ops
            if mode != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if mode == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if mode in CALIBRATED:
                converter.representative_dataset = self._calibration
            if mode == "int8":
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.int8
            if mode == "int16x8":
                converter.target_spec.supported_ops = [
                    tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
                    tf.lite.OpsSet.TFLITE_BUILTINS,
                ]
            return bytes(converter.convert())

    def _calibration(self) -> Iterator[Any]:
        for seed in range(1000, 1004):
            yield self.feeds(seed)


ZOO: dict[str, Sample] = {}


def _add(name: str, inputs: Sequence[Input], modes: Sequence[Mode], quick: Sequence[Mode], **more: Any) -> None:
    assert name not in ZOO, name
    assert set(quick) <= set(modes), name
    ZOO[name] = Sample(name, tuple(inputs), tuple(modes), tuple(quick), **more)


def function(
    *inputs: Input, modes: Sequence[Mode] = FLOAT, quick: Sequence[Mode] = (), **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the tf.function `body(tf, *tensors)` to the zoo under its own name."""

    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        def converter() -> Any:
            tf = oracle.tensorflow()
            specs = [tf.TensorSpec(entry.shape, entry.dtype, f"x{i}") for i, entry in enumerate(inputs)]
            return _of_function(tf.function(lambda *tensors: body(tf, *tensors), input_signature=specs))

        _add(body.__name__, inputs, modes, quick, converter=converter, **more)
        return body

    return add


def network(
    *inputs: Input, modes: Sequence[Mode] = EVERY, quick: Sequence[Mode] = (), legacy: bool = False, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the Keras model `body(layers, *inputs)` to the zoo under its own name; `legacy`: Keras 2 (tf_keras)."""

    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        @functools.cache
        def source() -> Any:
            tf = oracle.tensorflow()
            keras = importlib.import_module("tf_keras") if legacy else tf.keras
            keras.utils.set_random_seed(7)
            symbols = [keras.Input(batch_shape=entry.shape, dtype=entry.dtype) for entry in inputs]
            model = keras.Model(symbols, body(keras.layers, *symbols))
            _train(model)
            specs = [tf.TensorSpec(entry.shape, entry.dtype, f"x{i}") for i, entry in enumerate(inputs)]
            call = tf.function(
                lambda *tensors: model(list(tensors) if len(tensors) > 1 else tensors[0], training=False),
                input_signature=specs,
            )
            return _save(model, {"serving_default": call}) if legacy else call

        def converter() -> Any:
            return _of_saved(*source()) if legacy else _of_function(source())

        _add(body.__name__, inputs, modes, quick, converter=converter, **more)
        return body

    return add


def module(
    *inputs: Input, modes: Sequence[Mode] = FLOAT, quick: Sequence[Mode] = (), **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a tf.Module to the zoo, through a SavedModel: `body(tf)` returns (module, {signature: tf.function})."""

    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        def converter() -> Any:
            return _of_saved(*_save(*body(oracle.tensorflow())))

        _add(body.__name__, inputs, modes, quick, converter=converter, **more)
        return body

    return add


def _of_function(call: Any) -> Any:
    return oracle.tensorflow().lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])


def _of_saved(folder: str, keys: list[str]) -> Any:
    converter = oracle.tensorflow().lite.TFLiteConverter.from_saved_model(folder, signature_keys=keys)
    converter.experimental_enable_resource_variables = True
    return converter


def _save(trackable: Any, signatures: dict[str, Any]) -> tuple[str, list[str]]:
    """Save for from_saved_model; the folder lives as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="converted")
    atexit.register(folder.cleanup)
    oracle.tensorflow().saved_model.save(trackable, folder.name, signatures=signatures)
    return folder.name, list(signatures)


def _train(model: Any) -> None:
    """Give every weight a value as training might, so that no bias is zero and no normalization is the identity."""
    rng = np.random.default_rng(11)
    for weight in model.weights:
        kind = weight.name.split("/")[-1].split(":")[0]
        if kind in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape).astype(np.float32))
        elif "bias" in kind or kind in ("beta", "moving_mean", "alpha"):
            weight.assign(rng.normal(0, 0.2, weight.shape).astype(np.float32))


def weights(*shape: int, seed: int = 5, scale: float = 0.5) -> Array:
    """Normally distributed float32 constants."""
    return np.asarray(np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32))

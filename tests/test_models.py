"""Real models, run whole: every tensor of every operator equals TFLite's reference kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter
from tests import oracle

Array = NDArray[Any]

INTEGER = [
    "mlptiny_pretrainedResnet_quant",
    "mlptiny_ad01_int8",
    "mlptiny_kws_ref_model",
    "coral_mobilenet_v1_0.25_128_quant",
    "coral_deeplabv3_mnv2_dm05_pascal_quant",
    "coral_tf2_mobilenet_v2_1.0_224_ptq",
    "tflm_micro_speech_quantized",
    "tflm_hello_world_int8",
    "aeq_conv_fc_mnist_srq_a8w8",
    "coral_split_concat",
    "coral_keras_lstm_mnist_ptq",
]
FLOAT = [
    "mlptiny_pretrainedResnet",
    "mlptiny_ad01_fp32",
    "mlptiny_kws_ref_model_float32",
    "tflm_hello_world_float",
    "aeq_conv_fc_mnist",
    "aeq_mnist_quantized",  # int8 weights, dequantized before float operators
]
KINDS = ["uniform", "small", "extremes", "constant", "real"]
FLOAT_TOLERANCE = 1e-5


def photos(shape: tuple[int, ...]) -> Array:
    """Crops of real photos, resized by repetition to the shape asked for (uint8)."""
    if not (oracle.DATA / "photos_96.npz").exists():
        pytest.skip("the folder ../shared with photos is not here")
    images = np.load(oracle.DATA / "photos_96.npz")["images"]
    height, width = shape[1:3]
    rows, columns = np.arange(height) * 96 // height, np.arange(width) * 96 // width
    picture = images[:: 160 // shape[0]][: shape[0]][:, rows][:, :, columns]
    return np.asarray(picture[..., : shape[3]])


def real_input(shape: tuple[int, ...]) -> Array:
    """Something a sensor saw, as float32 in -1..1: photos for images, sound frames for the rest."""
    if len(shape) == 4 and shape[3] in (1, 3):
        return photos(shape).astype(np.float32) / 127.5 - 1
    path = oracle.DATA / "toycar_frames.npz"
    if not path.exists():
        pytest.skip("the folder ../shared with sound frames is not here")
    frames = np.load(path)["frames"].reshape(-1)
    frames = frames / np.abs(frames).max()
    return np.asarray(np.resize(frames, shape).astype(np.float32))


def feeds(interpreter: Interpreter, kind: str, seed: int = 0) -> list[Array]:
    """One input of a given kind for each input of the model."""
    rng = np.random.default_rng(seed)
    values: list[Array] = []
    for detail in interpreter.get_input_details():
        shape, dtype = tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"])
        if dtype.kind == "f":
            values.append(_float_feed(kind, shape, rng))
            continue
        info = np.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        value: Array
        if kind == "uniform":
            value = rng.integers(low, high, shape, endpoint=True)
        elif kind == "small":
            value = int(detail["quantization"][1]) + rng.integers(-2, 3, shape)
        elif kind == "extremes":
            value = rng.choice([low, high], shape)
        elif kind == "constant":
            value = np.full(shape, high - 7)
        else:
            value = np.round(real_input(shape) * 127.0) + (low + high + 1) // 2
        values.append(np.clip(value, low, high).astype(dtype))
    return values


def _float_feed(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if kind == "uniform":
        return np.asarray(rng.uniform(-1, 1, shape).astype(np.float32))
    if kind == "small":
        return np.asarray(rng.normal(0, 1e-3, shape).astype(np.float32))
    if kind == "extremes":
        return np.asarray(rng.choice([-50.0, 50.0], shape).astype(np.float32))
    if kind == "constant":
        return np.full(shape, 0.37, np.float32)
    return real_input(shape)


def pairs(name: str, inputs: list[Array], content: bytes) -> Iterator[tuple[int, str, Array, Array]]:
    """(tensor index, operator, ours, TFLite's) for every result of every operator."""
    theirs = oracle.interpreter(content, every_tensor=True)
    theirs.allocate_tensors()
    ours = Interpreter(content)
    for detail, value in zip(theirs.get_input_details(), inputs, strict=True):
        theirs.set_tensor(detail["index"], value)
    theirs.invoke()
    ours.run(inputs)
    for index, operator in enumerate(ours.model.main.operators):
        for tensor in operator.outputs:
            yield (
                tensor,
                f"{name}: operator {index} {operator.name}",
                ours.get_tensor(tensor),
                theirs.get_tensor(tensor),
            )


def content_of(name: str) -> bytes:
    path: Path = oracle.MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"../shared/models/{name}.tflite is not here")
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", INTEGER)
def test_every_integer_equals_tflites(name: str, kind: str) -> None:
    content = content_of(name)
    interpreter = Interpreter(content)
    compared = 0
    for tensor, place, ours, theirs in pairs(name, feeds(interpreter, kind), content):
        assert ours.dtype == theirs.dtype, f"{place}, tensor {tensor}"
        assert ours.shape == theirs.shape, f"{place}, tensor {tensor}"
        wrong = ~oracle.same_bits(ours, theirs)
        assert not wrong.any(), f"{place}, tensor {tensor}: {wrong.sum()} of {wrong.size} values differ"
        compared += ours.size
    assert compared > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FLOAT)
def test_every_float_is_within_the_tolerance(name: str, kind: str) -> None:
    content = content_of(name)
    for tensor, place, ours, theirs in pairs(name, feeds(Interpreter(content), kind), content):
        if ours.dtype.kind != "f":
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{place}, tensor {tensor}")
            continue
        span = float(np.abs(theirs).max()) or 1.0
        worst = float(np.abs(ours - theirs).max()) / span
        assert worst <= FLOAT_TOLERANCE, f"{place}, tensor {tensor}: off by {worst:.2e} of the tensor's range"


@pytest.mark.parametrize("name", [*INTEGER, *FLOAT])
def test_recorded_outputs(name: str) -> None:
    """The outputs recorded once from TFLite's reference kernels; needs no TensorFlow."""
    content = content_of(name)
    recorded = np.load(oracle.MODELS / f"{name}.npz")
    interpreter = Interpreter(content)
    for s in range(sum(key.endswith("_in0") for key in recorded.files)):
        inputs = [recorded[f"s{s}_in{i}"] for i in range(len(interpreter.get_input_details()))]
        for i, ours in enumerate(interpreter.run(inputs)):
            theirs = recorded[f"s{s}_out{i}"]
            if theirs.dtype.kind == "f":
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=FLOAT_TOLERANCE * float(np.abs(theirs).max()))
            else:
                np.testing.assert_array_equal(ours, theirs)

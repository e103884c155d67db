"""From TFLiteConverter's float model to its quantized ones: every field equal, names and order included."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.quantizer import quantize
from qcore.tflite import load
from tests import oracle
from tests.quantizer.test_real_models import KERAS, REAL, network
from tests.quantizer.weights.oracle import VARIANTS, check, check_with_converter, converted

Array = NDArray[Any]
RNG = np.random.default_rng(1)
FLOAT, INTEGER = "float32", "int32"


def numbers(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


TABLE, WIDE, NARROW = numbers(64, 32), numbers(32, 64), numbers(64, 32)
FILTER, LARGE_FILTER, BIAS = numbers(3, 3, 8, 16), numbers(6, 6, 4, 8), numbers(64)


def tied_embedding(tf: Any, ids: Any) -> Any:
    """A table for GATHER, per tensor, and for FULLY_CONNECTED, per channel."""
    return tf.matmul(tf.nn.tanh(tf.gather(TABLE, ids)), TABLE, transpose_b=True) + BIAS


def bias_left_off(tf: Any, x: Any) -> Any:
    """The bias that is not there takes the weight's name."""
    return tf.matmul(x, WIDE)


def biases_left_off(tf: Any, x: Any) -> Any:
    return tf.matmul(tf.nn.tanh(tf.matmul(x, WIDE)), NARROW[:, :4])


def transposed(tf: Any, x: Any) -> Any:
    y = tf.nn.tanh(tf.nn.conv2d_transpose(x, FILTER, (1, 16, 16, 8), 2))
    return tf.nn.relu(tf.nn.conv2d_transpose(y, LARGE_FILTER, (1, 32, 32, 4), 2) + BIAS[:4])


def loop(tf: Any, x: Any) -> Any:
    def body(i: Any, y: Any) -> Any:
        return i + 1, tf.nn.tanh(tf.matmul(tf.matmul(y, WIDE), NARROW)) + 0.5

    return tf.while_loop(lambda i, y: i < 3, body, [tf.constant(0), x])[1]


def loop_of_a_constant(tf: Any, x: Any) -> Any:
    """A body that returns a constant."""
    first, other = numbers(2, 32), tf.ones((2, 32))
    return tf.while_loop(lambda i, y, z: i < 3, lambda i, y, z: (i + 1, y * z, first), [tf.constant(0), x, other])[1:]


def branches(tf: Any, x: Any) -> Any:
    """The second branch returns a constant, which stays float32."""
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x) @ WIDE @ NARROW, lambda: tf.constant(numbers(2, 32)))


def constants_returned(tf: Any, x: Any) -> Any:
    return x + 1.0, tf.constant(WIDE), tf.matmul(x, WIDE)


def several_results(tf: Any, x: Any) -> Any:
    a, b, c = tf.split(tf.matmul(x, numbers(32, 96)), 3, 1)
    values, indices = tf.math.top_k(a, 3)
    return tf.matmul(b, NARROW[:32]) + c, values, indices


def batch_matmul(tf: Any, x: Any) -> Any:
    return tf.matmul(x, numbers(2, 32, 32))


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, ...], str]] = {
    function.__name__: (function, shape, dtype)
    for function, shape, dtype in (
        (tied_embedding, (5,), INTEGER),
        (bias_left_off, (2, 32), FLOAT),
        (biases_left_off, (2, 32), FLOAT),
        (transposed, (1, 8, 8, 16), FLOAT),
        (loop, (2, 32), FLOAT),
        (loop_of_a_constant, (2, 32), FLOAT),
        (branches, (2, 32), FLOAT),
        (constants_returned, (2, 32), FLOAT),
        (several_results, (2, 32), FLOAT),
        (batch_matmul, (2, 4, 32), FLOAT),
    )
}


def of_function(function: Callable[..., Any], shape: tuple[int, ...], dtype: str) -> Callable[[], Any]:
    tf = oracle.tensorflow()
    call = tf.function(lambda x: function(tf, x), input_signature=[tf.TensorSpec(shape, dtype)])
    concrete = call.get_concrete_function()
    return lambda: tf.lite.TFLiteConverter.from_concrete_functions([concrete])


def of_network(network: Any) -> Callable[[], Any]:
    return lambda: oracle.tensorflow().lite.TFLiteConverter.from_keras_model(network)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_functions(name: str) -> None:
    check_with_converter(of_function(*FUNCTIONS[name]))


@pytest.mark.parametrize("name", ["branches", "transformer"])
def test_keras_models(name: str) -> None:
    check_with_converter(of_network(network(name)))


def test_the_converter_knows_a_name_that_the_float_file_has_lost() -> None:
    """A graph output is not called after its operator, whose name is needed where DEQUANTIZE moves behind GATHER."""
    converter = of_function(lambda tf, ids: tf.gather(TABLE, ids), (5,), INTEGER)
    check_with_converter(converter, ignored=["name: ours 'Identity1', theirs 'GatherV2"])


def test_a_loop_that_shares_a_constant_with_its_surroundings() -> None:
    """In float16 the converter hands the loop a new variable for it; our loop has its own copy instead."""

    def shared(tf: Any, x: Any) -> Any:
        start = tf.matmul(x, WIDE)
        return tf.while_loop(
            lambda i, y: i < 3, lambda i, y: (i + 1, tf.matmul(tf.matmul(y, NARROW), WIDE)), [tf.constant(0), start]
        )[1]

    converter = of_function(shared, (2, 32), FLOAT)
    source = check_with_converter(converter, ["dynamic_range"])
    assert len(converted(converter, "float16").subgraphs[1].inputs) == 3
    assert len(quantize(source, "float16").subgraphs[1].inputs) == 2


@pytest.mark.parametrize("name", REAL)
def test_real_models(name: str) -> None:
    path = oracle.MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"../shared/models/{name}.tflite is not here")
    check(load(path))


@pytest.mark.conformance
@pytest.mark.parametrize("name", list(KERAS))
def test_keras_models_in_every_variant(name: str) -> None:
    check_with_converter(of_network(network(name)), list(VARIANTS)[1:])


@pytest.mark.conformance
@pytest.mark.filterwarnings("ignore::qcore.quantizer.QuantizationWarning")
@pytest.mark.parametrize(
    ("name", "size"), [("MobileNetV2", 96), ("MobileNetV3Small", 96), ("EfficientNetB0", 64), ("ResNet50", 64)]
)
def test_large_networks(name: str, size: int) -> None:
    oracle.tensorflow()
    keras = pytest.importorskip("keras")
    network = getattr(keras.applications, name)(input_shape=(size, size, 3), weights=None, classes=10)
    check_with_converter(of_network(network), list(VARIANTS)[1:])


@pytest.mark.conformance
@pytest.mark.parametrize(("units", "size"), [(24, 16), (40, 40)])
@pytest.mark.parametrize("kind", ["one", "bidirectional", "two"])
def test_fused_lstms(kind: str, units: int, size: int) -> None:
    """States: one constant of zeros to the converter, copied late for each further use. 24 units stay float32."""
    oracle.tensorflow()
    try:
        keras = importlib.import_module("tf_keras")
    except ImportError:
        pytest.skip("tf_keras, whose LSTM is converted to one operator, is not installed")
    layers = keras.layers
    x = start = layers.Input((6, size), 1)
    if kind == "two":
        x = layers.LSTM(units, return_sequences=True)(x)
    lstm = layers.LSTM(units)
    y = (layers.Bidirectional(lstm) if kind == "bidirectional" else lstm)(x)
    check_with_converter(of_network(keras.Model(start, layers.Dense(3)(y))))

"""Networks with fake quantization in them, and what TensorFlow makes of them.

The networks are written with TensorFlow, as training would leave them: `q` stands after an activation, the layers
fake-quantize their weights. The same code gives the float file, the integer file of the converter and, in a graph of
TensorFlow 1, what its old converter makes.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Model
from tests import oracle
from tests.quantizer.fake_quant.conversion import convert, convert_as_tensorflow_1
from tflite_schema import BuiltinOperator, FakeQuantOptions

__all__ = ["IMAGE", "NETS", "Layers", "Network", "with_fake_quant_operators"]

Array = NDArray[Any]
IMAGE = (1, 8, 8, 4)


class Layers:
    """Layers with weights drawn from a seed; `trained=False` leaves all fake quantization out.

    per_channel=False: fake quantization of all weights is per tensor, as uint8 kernels need it.
    """

    def __init__(self, seed: int, *, trained: bool = True, per_channel: bool = True) -> None:
        self.tf = oracle.tensorflow()
        self.rng = np.random.default_rng(seed)
        self.trained = trained
        self.per_channel = per_channel
        self.ranges: list[tuple[float, float, int, bool]] = []

    def draw(self, *shape: int) -> Array:
        return self.rng.normal(0, 0.5, shape).astype(np.float32)

    def q(self, x: Any, low: float | None = None, high: float | None = None, bits: int = 8) -> Any:
        """Fake quantization per tensor, of a drawn range by default."""
        drawn = self.rng.uniform(0.5, 6, 2)
        bounds = (-float(drawn[0]), float(drawn[1])) if low is None or high is None else (low, high)
        return self.per_tensor(x, *bounds, bits) if self.trained else x

    def per_tensor(self, x: Any, low: float, high: float, bits: int = 8, *, narrow: bool = False) -> Any:
        self.ranges.append((low, high, bits, narrow))
        fake_quant = self.tf.quantization.fake_quant_with_min_max_vars
        return fake_quant(x, np.float32(low), np.float32(high), num_bits=bits, narrow_range=narrow)

    def weights(self, w: Array, *, per_channel: bool = True, bits: int = 8, narrow: bool = True) -> Any:
        if not self.trained:
            return self.tf.constant(w)
        per_channel = per_channel and self.per_channel
        largest = np.abs(w).max(tuple(range(w.ndim - 1)) if per_channel else None)
        if not per_channel:
            return self.per_tensor(w, -float(largest), float(largest), bits, narrow=narrow)
        fake_quant = self.tf.quantization.fake_quant_with_min_max_vars_per_channel
        return fake_quant(w, -largest, largest, num_bits=bits, narrow_range=narrow)

    def conv(self, x: Any, channels: int, stride: int = 1, size: int = 3, **weights: Any) -> Any:
        w = self.weights(self.draw(size, size, x.shape[-1], channels), **weights)
        return self.tf.nn.conv2d(x, w, stride, "SAME") + self.draw(channels)

    def depthwise(self, x: Any, **weights: Any) -> Any:
        channels = x.shape[-1]
        w = self.tf.reshape(self.weights(self.draw(3, 3, channels), **weights), [3, 3, channels, 1])
        return self.tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME") + self.draw(channels)

    def dense(self, x: Any, units: int, **weights: Any) -> Any:
        w = self.weights(self.draw(x.shape[-1], units), per_channel=False, **weights)
        return self.tf.matmul(x, w) + self.draw(units)


Body = Callable[..., Any]
NETS: dict[str, tuple[Body, tuple[tuple[int, ...], ...]]] = {}
"""Name -> the network, a function of layers and inputs, and the shapes of the inputs."""


def net(*shapes: tuple[int, ...]) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        NETS[body.__name__] = body, shapes
        return body

    return add


@net(IMAGE)
def residual(m: Layers, x: Any) -> Any:
    x = m.q(x)
    a = m.q(m.tf.nn.relu(m.conv(x, 4)), 0.0, 5.3)
    y = m.q(m.tf.nn.relu(a + m.q(m.conv(a, 4))), 0.0, 7.1)
    return m.tf.nn.softmax(m.q(m.dense(m.q(m.tf.reduce_mean(y, [1, 2])), 5)))


@net(IMAGE)
def inverted_residual(m: Layers, x: Any) -> Any:
    """Its last layer has no fake quantization and stays in float."""
    x = m.q(m.tf.nn.relu6(m.conv(m.q(x, -1.0, 1.0), 8, 2)), 0.0, 6.0)
    x = m.q(m.conv(m.q(m.tf.nn.relu6(m.depthwise(x)), 0.0, 6.0), 8, size=1))
    y = m.q(m.tf.nn.relu6(m.conv(x, 16, size=1)), 0.0, 6.0)
    x = m.q(x + m.q(m.conv(y, 8, size=1)))
    return m.dense(m.tf.reshape(m.q(m.tf.nn.avg_pool2d(x, 4, 4, "VALID")), [1, 8]), 3)


@net(IMAGE)
def concatenation(m: Layers, x: Any) -> Any:
    x = m.q(x)
    parts = [m.q(m.tf.nn.relu(m.conv(x, 4)), 0.0, 4.0), m.q(m.tf.nn.relu6(m.conv(x, 4)), 0.0, 6.0)]
    y = m.tf.nn.max_pool2d(m.q(m.tf.concat(parts, 3), 0.0, 6.3), 2, 2, "SAME")
    return m.q(m.conv(y, 4))


@net(IMAGE, IMAGE)
def two_inputs(m: Layers, x: Any, y: Any) -> Any:
    x, y = m.q(x), m.q(y, -2.0, 3.0)
    w = m.q(m.q(x * y) - x)
    return m.tf.maximum(w, w), m.q(m.tf.nn.sigmoid(w), 0.0, 1.0)


@net(IMAGE)
def float_island(m: Layers, x: Any) -> Any:
    y = m.q(m.tf.math.sin(m.q(m.conv(m.q(x), 4))), -1.0, 1.0)
    return m.q(m.conv(y, 3))


@net(IMAGE)
def weights_without(m: Layers, x: Any) -> Any:
    """Weights without fake quantization get their parameters from their values."""
    y = m.q(m.tf.nn.relu(m.tf.nn.conv2d(m.q(x), m.draw(3, 3, 4, 6), 1, "SAME") + m.draw(6)), 0.0, 5.0)
    return m.q(m.tf.matmul(m.tf.reshape(y, [1, 384]), m.draw(384, 3)) + m.draw(3))


@net(IMAGE)
def fewer_bits(m: Layers, x: Any) -> Any:
    """5 to 8 bits are held in 8."""
    return m.q(m.depthwise(m.q(m.conv(m.q(x, bits=7), 4, bits=6), bits=5)))


@net(IMAGE)
def moved(m: Layers, x: Any) -> Any:
    y = m.tf.pad(m.tf.image.resize(m.q(x), [16, 16]), [[0, 0], [1, 1], [1, 1], [0, 0]])
    y = m.tf.transpose(m.tf.compat.v1.image.resize_nearest_neighbor(m.q(m.conv(y, 4, 2)), [4, 4]), [0, 3, 1, 2])
    return m.tf.reduce_mean(y, [2, 3]), m.tf.reduce_max(y, [1])


@net(IMAGE)
def fixed_results(m: Layers, x: Any) -> Any:
    a = m.q(m.tf.nn.tanh(m.q(x)))
    return a, m.q(m.tf.nn.l2_normalize(a, -1)), m.tf.nn.log_softmax(m.tf.reshape(m.q(m.tf.nn.leaky_relu(a)), [1, 256]))


@net(IMAGE)
def constants(m: Layers, x: Any) -> Any:
    z = m.q(m.q(m.q(x) + m.draw(4)) * m.draw(1, 1, 1, 4))
    return m.q(m.tf.concat([z, m.tf.constant(m.draw(1, 8, 8, 2))], 3))


@net(IMAGE)
def transposed_weights(m: Layers, x: Any) -> Any:
    w = m.weights(m.draw(3, 3, 3, 4), per_channel=False)
    return m.q(m.tf.nn.conv2d_transpose(m.q(x), w, [1, 16, 16, 3], 2, "SAME") + m.draw(3))


@net(IMAGE)
def chain(m: Layers, x: Any) -> Any:
    return m.conv(m.q(m.q(m.q(m.conv(m.q(m.q(x, -1.0, 1.0), -2.0, 2.0), 4)), -1.0, 1.0), -3.0, 3.0), 2)


@net(IMAGE)
def read_past_the_pair(m: Layers, x: Any) -> Any:
    y = m.conv(m.q(x), 4)
    return m.conv(m.q(y, -3.0, 3.0), 4) + y


@net(IMAGE)
def two_pairs_of_one(m: Layers, x: Any) -> Any:
    y = m.conv(m.q(x), 4)
    return m.conv(m.q(y, -3.0, 3.0), 2), m.conv(m.q(y, -1.0, 4.0), 2)


@net(IMAGE)
def returned_past_the_pair(m: Layers, x: Any) -> Any:
    y = m.conv(m.q(x), 4)
    return y, m.conv(m.q(y), 2)


@net(IMAGE)
def shared_weights(m: Layers, x: Any) -> Any:
    w = m.weights(m.draw(3, 3, 4, 4))
    y = m.q(m.tf.nn.conv2d(m.q(x), w, 1, "SAME") + m.draw(4))
    return m.q(m.tf.nn.conv2d(y, w, 1, "SAME") + m.draw(4))


@net(IMAGE)
def large_bias(m: Layers, x: Any) -> Any:
    """The first bias overflows, and its weights have no parameters of their own; the second layer's have."""
    bias = np.array([1e5, 1, 2e4, 0], np.float32)
    y = m.q(m.tf.nn.conv2d(m.q(x, -1e-3, 1e-3), m.draw(3, 3, 4, 4) * np.float32(2e-4), 1, "SAME") + bias, -1e5, 2e5)
    return m.q(m.conv(y, 4))


@net(IMAGE)
def activation_past_the_pair(m: Layers, x: Any) -> Any:
    """The converter joins RELU with the operator before it once the pair between them is gone."""
    y = m.q(m.tf.nn.relu(m.q(m.conv(m.q(x), 4))), 0.0, 4.0)
    y = m.q(m.tf.nn.relu6(m.q(m.depthwise(y))), 0.0, 6.0)
    z = m.q(m.tf.nn.relu(m.q(y + m.draw(4))), 0.0, 5.0)
    return m.q(m.tf.nn.relu(m.q(m.dense(m.tf.reshape(z, [1, 256]), 8))), 0.0, 3.0)


@net(IMAGE)
def reshape_past_the_pair(m: Layers, x: Any) -> Any:
    y = m.q(m.tf.nn.avg_pool2d(m.q(x), 8, 8, "VALID"))
    return m.q(m.dense(m.q(m.tf.reshape(y, [1, 4])), 5))


@net(IMAGE)
def padding_past_the_pair(m: Layers, x: Any) -> Any:
    y = m.q(m.tf.pad(m.q(x), [[0, 0], [1, 1], [1, 1], [0, 0]]))
    return m.q(m.tf.nn.conv2d(y, m.weights(m.draw(3, 3, 4, 4)), 1, "VALID") + m.draw(4))


@net((2, 3, 8))
def batch_matmul(m: Layers, x: Any) -> Any:
    return m.q(m.tf.matmul(m.q(x), m.weights(m.draw(2, 8, 4), per_channel=False)))


@net(IMAGE)
def four_bit_weights(m: Layers, x: Any) -> Any:
    y = m.q(m.depthwise(m.q(m.conv(m.q(x), 4, bits=4)), bits=3))
    return m.q(m.dense(m.tf.reshape(y, [1, 256]), 3, bits=4))


@dataclass(frozen=True)
class Network:
    """One of NETS, trained or not."""

    name: str
    trained: bool = True
    per_channel: bool = True

    def _layers(self) -> Layers:
        return Layers(zlib.crc32(self.name.encode()), trained=self.trained, per_channel=self.per_channel)

    @functools.cached_property
    def ranges(self) -> list[tuple[float, float, int, bool]]:
        """Ends, bits and narrow_range of every fake quantization per tensor."""
        return self._traced[1]

    @functools.cached_property
    def _traced(self) -> tuple[Any, list[tuple[float, float, int, bool]]]:
        tensorflow, layers = oracle.tensorflow(), self._layers()
        body, shapes = NETS[self.name]
        signature = [tensorflow.TensorSpec(shape, name=f"in{i}") for i, shape in enumerate(shapes)]
        function = tensorflow.function(
            lambda *inputs: body(layers, *inputs), input_signature=signature, autograph=False
        )
        return function.get_concrete_function(), layers.ranges

    def converted(self, *, quantized: bool, inputs: str = "float32", outputs: str = "float32") -> Model:
        """The converter's file: the float model, or, with its default optimization, the integer model."""
        converter = oracle.tensorflow().lite.TFLiteConverter
        return convert(
            lambda: converter.from_concrete_functions([self._traced[0]]),
            quantized=quantized,
            inputs=inputs,
            outputs=outputs,
        )

    def floats(self) -> Model:
        """The float file with its pairs of QUANTIZE and DEQUANTIZE."""
        return self.converted(quantized=False)

    def tensorflow_1(self, inference_type: str | None = None, **attributes: Any) -> Model:
        """The file of TensorFlow 1's converter: the float model, or one in `inference_type`."""
        tensorflow = oracle.tensorflow()
        body, shapes = NETS[self.name]
        v1 = tensorflow.compat.v1
        with tensorflow.Graph().as_default(), v1.Session() as session:
            inputs = [v1.placeholder(tensorflow.float32, shape, name=f"in{i}") for i, shape in enumerate(shapes)]
            results = body(self._layers(), *inputs)
            results = list(results) if isinstance(results, tuple) else [results]
            return convert_as_tensorflow_1(session, inputs, results, inference_type, attributes)


def with_fake_quant_operators(model: Model, ranges: list[tuple[float, float, int, bool]]) -> Model:
    """The float model with FAKE_QUANT where a pair per tensor stands for one of these ranges."""
    result = model.copy()
    graph = result.main
    known = {(_scale(*entry), entry[3]): entry for entry in ranges}
    consumers = graph.consumers()
    for operator in list(graph.operators):
        quant = graph.tensors[operator.outputs[0]].quant
        if operator.code != BuiltinOperator.QUANTIZE or quant is None or quant.scale.size != 1:
            continue
        narrow = result.is_constant(graph.tensors[operator.inputs[0]])
        low, high, bits, narrow_range = known[np.float32(quant.scale[0]), narrow]
        ((reader, _),) = consumers[operator.outputs[0]]
        dequantize = graph.operators[reader] if graph.operators[reader].code == BuiltinOperator.DEQUANTIZE else None
        assert dequantize is not None
        options = FakeQuantOptions(min=low, max=high, num_bits=bits, narrow_range=narrow_range)
        dequantize.code, dequantize.inputs, dequantize.options = BuiltinOperator.FAKE_QUANT, operator.inputs, options
        operator.outputs = ()
    graph.operators = [operator for operator in graph.operators if operator.outputs]
    return result


def _scale(low: float, high: float, bits: int, narrow: bool) -> np.float32:
    steps = (15 if bits <= 4 else 255) - narrow
    return np.float32((float(np.float32(high)) - float(np.float32(low))) / steps)

"""Functions that compute: element by element, along axes, in integers, in the complex plane, at random."""

from __future__ import annotations

from typing import Any

from tests.converted import ACTIVATIONS, ACTIVATIONS8, EVERY, FLOAT, WEIGHTS_ONLY, floats, function, integers, values


@function(floats(3, 5, low=0.1, high=3.0), modes=ACTIVATIONS8, quick=FLOAT)
def elementary(tf: Any, x: Any) -> Any:
    m = tf.math
    return m.exp(x), m.log(x), m.sqrt(x), m.rsqrt(x), m.square(x), m.sin(x), m.cos(x), m.abs(-x), m.pow(x, 1.5)


@function(floats(3, 5, low=-3.0, high=3.0), modes=FLOAT, optimized=FLOAT)
def rounding(tf: Any, x: Any) -> Any:
    return tf.floor(x), tf.math.ceil(x), tf.round(x), tf.sign(x), -x, tf.math.floormod(x, 1.5), x // 0.5


@function(floats(3, 4), floats(4, low=0.5, high=2.0), modes=WEIGHTS_ONLY)
def two_operands(tf: Any, x: Any, y: Any) -> Any:
    return x + y, x - y, x * y, x / y, tf.math.squared_difference(x, y), tf.maximum(x, y), tf.minimum(x, 0.25)


@function(floats(2, 3, 4, 5), modes=EVERY)
def means_and_extremes(tf: Any, x: Any) -> Any:
    return tf.reduce_mean(x, [1, 2]), tf.reduce_max(x, -1), tf.reduce_min(x, 0, keepdims=True), tf.reduce_mean(x)


@function(floats(2, 3, 4), modes=WEIGHTS_ONLY)
def sums_and_products(tf: Any, x: Any) -> Any:
    return (
        tf.reduce_sum(x, [0, 2]),
        tf.reduce_prod(x, 1),
        tf.cumsum(x, 1, exclusive=True),
        tf.cumsum(x, 2, reverse=True),
        tf.math.reduce_std(x, -1),
        tf.reduce_logsumexp(x, 1),
        tf.reduce_any(x > 0.9, 1),
        tf.reduce_all(x > -0.9, [0, 1]),
    )


@function(integers(3, 4, low=-50, high=50), integers(3, 4, low=1, high=9), modes=FLOAT, quick=FLOAT, optimized=FLOAT)
def whole_numbers(tf: Any, x: Any, y: Any) -> Any:
    return x + y, x - y, x * y, x // y, x % y, tf.maximum(x, y), tf.abs(x), tf.reduce_sum(x, 1), tf.cumsum(x, 0)


@function(integers(3, 4, low=-(2**40), high=2**40, dtype="int64"), modes=FLOAT)
def long_whole_numbers(tf: Any, x: Any) -> Any:
    return x + 7, x * 3, x - x[0], tf.cast(x, tf.float32), tf.reduce_max(x, 0), tf.cast(x, tf.int32)


@function(integers(4, low=-99, high=99), integers(4, low=0, high=7), modes=FLOAT)
def bits(tf: Any, x: Any, y: Any) -> Any:
    return tf.bitwise.bitwise_xor(x, y), tf.bitwise.right_shift(x, y), tf.bitcast(x, tf.float32)


@function(floats(3, 4), floats(3, 4), modes=EVERY)
def comparisons(tf: Any, x: Any, y: Any) -> Any:
    both = tf.logical_and(x > y, tf.logical_not(x <= 0.5))
    return x > y, x >= y, x < 0.25, x <= y, tf.equal(x, y), tf.not_equal(x, y), tf.logical_or(both, x < y)


@function(floats(3, 4, low=-9.0, high=300.0), modes=FLOAT)
def casts(tf: Any, x: Any) -> Any:
    y = tf.cast(x, tf.int32)
    return y, tf.cast(y, tf.int64), tf.cast(x > 0, tf.float32), tf.cast(y, tf.bool), tf.cast(tf.abs(x), tf.uint8)


@function(values(2, 5, dtype="complex64"), modes=FLOAT)
def complex_numbers(tf: Any, x: Any) -> Any:
    return tf.math.real(x), tf.math.imag(x), tf.abs(x)


@function(floats(2, 8, 16), modes=ACTIVATIONS8)
def spectrum(tf: Any, x: Any) -> Any:
    transformed = tf.signal.rfft2d(x)
    return transformed, tf.abs(transformed), tf.math.real(transformed), tf.abs(tf.signal.rfft(x[:, 0]))


@function(floats(1, 64), modes=FLOAT)
def spectrogram(tf: Any, x: Any) -> Any:
    return tf.abs(tf.signal.stft(x, 16, 8, 16))


@function(integers(2, low=2, high=5), modes=FLOAT, invocations=3)
def random_numbers(tf: Any, shape: Any) -> Any:
    return (
        tf.raw_ops.RandomUniform(shape=shape, dtype=tf.float32, seed=3, seed2=4),
        tf.raw_ops.RandomStandardNormal(shape=shape, dtype=tf.float32, seed=5, seed2=6),
    )


@function(floats(2, 5), modes=FLOAT, invocations=3)
def random_choices(tf: Any, x: Any) -> Any:
    return tf.raw_ops.Multinomial(logits=x, num_samples=7, seed=3, seed2=9, output_dtype=tf.int64)


@function(floats(3, 4), floats(3, 4), modes=ACTIVATIONS)
def angles(tf: Any, x: Any, y: Any) -> Any:
    return tf.math.atan2(x, y), tf.nn.relu(x), tf.nn.relu6(x * 9), tf.add_n([x, y, x]), tf.nn.gelu(x), tf.nn.softmax(x)


@function(floats(2, 3, 1, 2, 3, 2), floats(2, 1, 4, 1, 3, 2), modes=ACTIVATIONS)
def broadcast_in_six_dimensions(tf: Any, x: Any, y: Any) -> Any:
    return x + y, x * y, x - y, tf.maximum(x, y)


@function(floats(4, 16, low=-8.0, high=8.0), modes=ACTIVATIONS8)
def fake_quantized(tf: Any, x: Any) -> Any:
    return tf.quantization.fake_quant_with_min_max_args(x, -4.0, 6.0, 8) * 2.0

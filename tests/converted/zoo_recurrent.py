"""Recurrent networks: loops of Keras 3, unrolled cells, and TFLite's fused operators from Keras 2.

Keras 3's LSTM converts to WHILE; calibrating it ends TensorFlow's process, so its calibrated modes are left out. The
converter makes an int16x8 file of a fused LSTM, which TFLite refuses to prepare; and an int8 REVERSE_V2 of a
bidirectional one, for which TFLite has no reference kernel: these are left out too.
"""

from __future__ import annotations

from typing import Any

from tests.converted import EVERY, FLOAT, NO_INT16, WEIGHTS_ONLY, floats, function, integers, network, weights


@network(floats(1, 6, 8), modes=WEIGHTS_ONLY, quick=("float32",))
def lstm(layers: Any, x: Any) -> Any:
    return layers.Dense(3)(layers.LSTM(10)(x))


@network(floats(1, 5, 8), modes=WEIGHTS_ONLY)
def stacked_lstm(layers: Any, x: Any) -> Any:
    x = layers.LSTM(6, return_sequences=True)(x)
    return layers.LSTM(4, go_backwards=True)(x)


@network(floats(1, 5, 8), modes=WEIGHTS_ONLY)
def bidirectional_gru(layers: Any, x: Any) -> Any:
    return layers.Bidirectional(layers.GRU(5, return_sequences=True))(x)


@network(floats(1, 4, 8), modes=EVERY)
def unrolled_gru(layers: Any, x: Any) -> Any:
    return layers.Dense(3)(layers.GRU(6, unroll=True)(x))


@network(floats(1, 4, 8), modes=EVERY)
def unrolled_lstm(layers: Any, x: Any) -> Any:
    return layers.LSTM(6, unroll=True, return_sequences=True)(x)


@network(floats(1, 5, 6), modes=EVERY)
def unrolled_simple(layers: Any, x: Any) -> Any:
    return layers.SimpleRNN(8, unroll=True)(x)


@network(floats(1, 6, 8), modes=NO_INT16, legacy=True)
def fused_lstm(layers: Any, x: Any) -> Any:
    return layers.Dense(3)(layers.LSTM(10)(x))


@network(floats(1, 6, 8), modes=NO_INT16, legacy=True)
def fused_sequences(layers: Any, x: Any) -> Any:
    wide = {"class_name": "RandomNormal", "config": {"stddev": 0.8}}  # cell states too small for TFLite otherwise
    x = layers.LSTM(6, return_sequences=True, kernel_initializer=wide)(x)
    return layers.LSTM(5, return_sequences=True, kernel_initializer=wide)(x)


@network(floats(1, 6, 8), modes=WEIGHTS_ONLY, legacy=True)
def fused_bidirectional(layers: Any, x: Any) -> Any:
    return layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)


@network(floats(3, 6, 8), modes=WEIGHTS_ONLY, legacy=True)
def legacy_gru(layers: Any, x: Any) -> Any:
    return layers.GRU(6, return_sequences=True)(x)


@network(floats(1, 4, 6, 6, 2), modes=WEIGHTS_ONLY)
def convolutional_lstm(layers: Any, x: Any) -> Any:
    return layers.ConvLSTM2D(3, 3, padding="same")(x)


@network(integers(1, 7, low=0, high=29), modes=WEIGHTS_ONLY)
def words_through_lstm(layers: Any, words: Any) -> Any:
    x = layers.Embedding(30, 8)(words)
    x = layers.LSTM(6, return_sequences=True)(x)
    return layers.TimeDistributed(layers.Dense(4, activation="softmax"))(x)


@function(floats(2, 5, 4), modes=FLOAT)
def hand_written_scan(tf: Any, x: Any) -> Any:
    w, u = weights(4, 4), weights(4, 4, seed=6)

    def step(t: Any, state: Any, out: Any) -> Any:
        state = tf.tanh(tf.matmul(x[:, t], w) + tf.matmul(state, u))
        return t + 1, state, out.write(t, state)

    collected = tf.TensorArray(tf.float32, 5, element_shape=(2, 4))
    _, state, collected = tf.while_loop(lambda t, *_: t < 5, step, (0, tf.zeros((2, 4)), collected))
    return state, tf.transpose(collected.stack(), [1, 0, 2])

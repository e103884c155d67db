"""Attention, transformers and Einstein sums."""

from __future__ import annotations

from typing import Any

from tests.converted import EVERY, NO_INT16, WEIGHTS_ONLY, floats, function, integers, network, weights


@network(floats(1, 8, 16), modes=EVERY, quick=("float32",))
def self_attention(layers: Any, x: Any) -> Any:
    return layers.MultiHeadAttention(2, 8)(x, x)


@network(floats(1, 6, 8), floats(1, 9, 8), modes=EVERY)
def cross_attention(layers: Any, x: Any, y: Any) -> Any:
    return layers.MultiHeadAttention(2, 4)(x, y)


@network(floats(1, 8, 16), modes=NO_INT16, quick=("int8",))
def transformer_block(layers: Any, x: Any) -> Any:
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)])
    x = layers.LayerNormalization()(x)
    y = layers.Dense(16)(layers.Dense(32, activation="relu")(x))
    return layers.LayerNormalization()(layers.Add()([x, y]))


@network(integers(1, 8, high=29), modes=NO_INT16)
def causal_decoder(layers: Any, words: Any) -> Any:
    x = layers.Embedding(30, 16)(words)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)])
    x = layers.LayerNormalization()(x)
    return layers.Dense(30, activation="softmax")(layers.Dense(32, activation="gelu")(x))


@network(floats(1, 16, 16, 3), modes=NO_INT16)
def vision_transformer(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(16, 4, strides=4)(x)
    x = layers.Reshape((16, 16))(x)
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(y, y)])
    y = layers.Dense(24, activation="gelu")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(16)(y)])
    return layers.Dense(5)(layers.GlobalAveragePooling1D()(x))


@network(floats(None, 6, 8, fed=(2, 6, 8)), modes=WEIGHTS_ONLY)
def additive_attention(layers: Any, x: Any) -> Any:
    return layers.AdditiveAttention()([x, x]), layers.Attention(use_scale=True)([x, x])


@function(floats(2, 3, 4, 5), floats(2, 3, 6, 5), modes=EVERY)
def einstein_sums(tf: Any, x: Any, y: Any) -> Any:
    return (
        tf.einsum("bhqd,bhkd->bhqk", x, y),
        tf.einsum("bhqd,dm->bqhm", x, weights(5, 7)),
        tf.einsum("bhqd,bhkd->qk", x, y),
        tf.einsum("bhqd,hd->bqd", x, weights(3, 5)),
    )


@function(floats(1, 7, 12), modes=EVERY)
def rotary_and_gated(tf: Any, x: Any) -> Any:
    angles = tf.range(7, dtype=tf.float32)[:, None] / tf.pow(100.0, tf.range(6, dtype=tf.float32) / 6.0)
    a, b = tf.split(x, 2, -1)
    turned = tf.concat([a * tf.cos(angles) - b * tf.sin(angles), a * tf.sin(angles) + b * tf.cos(angles)], -1)
    scaled = turned * tf.math.rsqrt(tf.reduce_mean(tf.square(turned), -1, keepdims=True) + 1e-3)
    return tf.nn.silu(tf.matmul(scaled, weights(12, 8))) * tf.matmul(scaled, weights(12, 8, seed=6))

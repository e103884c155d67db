"""Networks of fully connected layers, embeddings and normalizations."""

from __future__ import annotations

from typing import Any

from tests.converted import EVERY, NO_INT16, WEIGHTS_ONLY, floats, function, integers, network, weights


@network(floats(1, 20), quick=("float32", "int8", "int16x8"))
def mlp(layers: Any, x: Any) -> Any:
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dense(16, activation="relu")(x)
    return layers.Dense(5, activation="softmax")(x)


@network(floats(None, 12, fed=(5, 12)))
def mlp_of_open_batch(layers: Any, x: Any) -> Any:
    x = layers.Dense(48, activation="tanh")(x)
    x = layers.BatchNormalization()(x)
    return layers.Dense(3, activation="sigmoid")(x)


@network(floats(1, 24), modes=(*WEIGHTS_ONLY, "int16x8"))
def mlp_of_many_activations(layers: Any, x: Any) -> Any:
    for activation in ("gelu", "silu", "softplus", "softsign", "leaky_relu", "relu6", "hard_sigmoid", "mish"):
        x = layers.Dense(24, activation=activation)(x)
    return x


@network(floats(1, 24), modes=EVERY)
def mlp_of_quantized_activations(layers: Any, x: Any) -> Any:
    for activation in ("silu", "leaky_relu", "relu6", "hard_sigmoid", "tanh"):
        x = layers.Dense(24, activation=activation)(x)
    return x


@network(floats(1, 8), modes=WEIGHTS_ONLY, optimized=WEIGHTS_ONLY)
def exponential_linear(layers: Any, x: Any) -> Any:
    x = layers.Dense(16, activation="elu")(x)
    return layers.Dense(4, activation="selu")(x)


@network(floats(1, 64, low=0.0))
def autoencoder(layers: Any, x: Any) -> Any:
    x = layers.Dense(32)(x)
    x = layers.PReLU()(x)
    x = layers.Dense(4)(x)
    x = layers.Dense(32, activation="relu")(x)
    return layers.Dense(64, activation="sigmoid")(x)


@network(floats(1, 16), floats(1, 8, high=4.0), modes=EVERY)
def two_inputs_three_outputs(layers: Any, left: Any, right: Any) -> Any:
    a = layers.Dense(12, activation="relu")(left)
    b = layers.Dense(12, activation="relu")(right)
    joined = layers.Concatenate()([a, b])
    return [layers.Dense(3)(joined), layers.Subtract()([a, b]), layers.Multiply()([a, b])]


@network(floats(1, 16))
def residual_mlp(layers: Any, x: Any) -> Any:
    for _ in range(3):
        y = layers.Dense(32, activation="relu")(x)
        x = layers.Add()([x, layers.Dense(16)(y)])
    return layers.Average()([x, layers.Dense(16)(x)])


@network(floats(2, 10, 16), modes=NO_INT16, quick=("dynamic",))
def layer_normalization(layers: Any, x: Any) -> Any:
    x = layers.LayerNormalization()(x)
    x = layers.Dense(16)(x)
    return layers.LayerNormalization(epsilon=1e-2)(x)


@network(floats(1, 6, 6, 8), modes=WEIGHTS_ONLY)
def group_and_unit_normalization(layers: Any, x: Any) -> Any:
    x = layers.GroupNormalization(4)(x)
    return layers.UnitNormalization()(x)


@network(integers(1, 12, high=49), modes=NO_INT16, quick=("float32",))
def embedded_words(layers: Any, words: Any) -> Any:
    x = layers.Embedding(50, 16)(words)
    x = layers.GlobalAveragePooling1D()(x)
    return layers.Dense(4, activation="softmax")(x)


@network(integers(1, high=19), integers(1, 3, high=9), floats(1, 4), modes=NO_INT16)
def wide_and_deep(layers: Any, user: Any, items: Any, numbers: Any) -> Any:
    deep = [layers.Flatten()(layers.Embedding(20, 8)(user)), layers.Flatten()(layers.Embedding(10, 4)(items)), numbers]
    x = layers.Dense(16, activation="relu")(layers.Concatenate()(deep))
    return layers.Dense(1, activation="sigmoid")(layers.Concatenate()([x, numbers]))


@network(floats(1, 16), modes=EVERY)
def mixture_of_experts(layers: Any, x: Any) -> Any:
    gate = layers.Dense(3, activation="softmax")(x)
    experts = [layers.Reshape((1, 8))(layers.Dense(8, activation="relu")(x)) for _ in range(3)]
    stacked = layers.Concatenate(axis=1)(experts)
    return layers.Flatten()(layers.Dot(axes=1)([layers.Reshape((3, 1))(gate), stacked]))


@function(floats(3, 7), modes=EVERY)
def logistic_regression(tf: Any, x: Any) -> Any:
    return tf.nn.log_softmax(tf.matmul(x, weights(7, 4)) + weights(4))


@function(floats(2, 6, 5), floats(2, 5, 4), modes=EVERY)
def matrix_products(tf: Any, x: Any, y: Any) -> Any:
    return tf.matmul(x, y), tf.matmul(y, x, transpose_a=True, transpose_b=True), tf.matmul(x, weights(5, 3))

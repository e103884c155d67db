"""Convolutional networks in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from tests.converted import EVERY, FLOAT, NO_INT16, WEIGHTS_ONLY, floats, function, network, weights


@network(floats(1, 16, 16, 3, low=0.0), quick=("int8", "int16x8"))
def cnn(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(x)
    x = layers.Flatten()(x)
    return layers.Dense(10, activation="softmax")(x)


@network(floats(None, 12, 12, 3, fed=(3, 12, 12, 3)))
def cnn_of_open_batch(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 5, padding="same", activation="relu")(x)
    x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(6)(x)


@network(floats(1, None, None, 3, fed=(1, 13, 9, 3)), modes=EVERY)
def fully_convolutional(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    return layers.Conv2D(2, 1, activation="sigmoid")(x)


@network(floats(1, 18, 18, 4))
def separable(layers: Any, x: Any) -> Any:
    x = layers.SeparableConv2D(8, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    return layers.SeparableConv2D(4, 5, strides=2, padding="same", activation="tanh")(x)


@network(floats(1, 10, 10, 8), modes=EVERY)
def grouped(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(16, 3, groups=4, padding="same", activation="relu")(x)
    return layers.Conv2D(8, 3, groups=2)(x)


@network(floats(1, 20, 20, 3))
def dilated(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, dilation_rate=2)(x)
    return layers.Conv2D(4, 3, dilation_rate=(3, 1))(x)


@network(floats(1, 16, 16, 3), quick=("int8",))
def residual(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, padding="same")(x)
    for stride in (1, 2):
        y = layers.BatchNormalization()(x)
        y = layers.Conv2D(8, 3, strides=stride, padding="same", activation="relu")(y)
        y = layers.Conv2D(8, 3, padding="same")(y)
        short = x if stride == 1 else layers.Conv2D(8, 1, strides=2)(x)
        x = layers.ReLU()(layers.Add()([y, short]))
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(x))


@network(floats(1, 16, 16, 8))
def inverted_residual(layers: Any, x: Any) -> Any:
    for _ in range(2):
        y = layers.Conv2D(24, 1, use_bias=False)(x)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        x = layers.Add()([x, layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(y))])
    return x


@network(floats(1, 12, 12, 8), modes=EVERY)
def hard_swish_and_squeeze(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(16, 3, padding="same", activation="hard_swish")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="relu")(gate)
    gate = layers.Conv2D(16, 1, activation="hard_sigmoid")(gate)
    return layers.Conv2D(8, 1)(layers.Multiply()([x, gate]))


@network(floats(1, 16, 16, 4))
def inception(layers: Any, x: Any) -> Any:
    branches = [
        layers.Conv2D(4, 1, activation="relu")(x),
        layers.Conv2D(6, 3, padding="same", activation="relu")(x),
        layers.Conv2D(2, (1, 7), padding="same")(x),
        layers.Conv2D(3, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(x)),
        layers.AveragePooling2D(3, strides=1, padding="same")(x),
    ]
    return layers.Concatenate()(branches)


@network(floats(1, 16, 16, 3), quick=("int8",))
def u_net(layers: Any, x: Any) -> Any:
    top = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    middle = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(top))
    bottom = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(middle))
    x = layers.Conv2DTranspose(16, 2, strides=2, padding="same")(bottom)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Concatenate()([x, middle]))
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    return layers.Conv2D(2, 1, activation="sigmoid")(layers.Concatenate()([x, top]))


@network(floats(1, 8, 8, 6))
def u_net_of_resizes(layers: Any, x: Any) -> Any:
    small = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    near = layers.Resizing(8, 8, interpolation="nearest")(small)
    smooth = layers.UpSampling2D(2, interpolation="bilinear")(small)
    x = layers.Add()([layers.Conv2D(6, 3, padding="same")(near), smooth])
    return layers.Conv2D(3, 3, padding="same")(layers.Concatenate()([x, smooth]))


@network(floats(1, 20, 6))
def temporal(layers: Any, x: Any) -> Any:
    for rate in (1, 2, 4):
        y = layers.Conv1D(6, 3, dilation_rate=rate, padding="causal", activation="relu")(x)
        x = layers.Add()([x, y])
    x = layers.MaxPooling1D(2)(x)
    x = layers.SeparableConv1D(8, 3)(x)
    return layers.Dense(3)(layers.GlobalMaxPooling1D()(x))


@network(floats(1, 6, 8, 8, 2), modes=WEIGHTS_ONLY)
def volumetric(layers: Any, x: Any) -> Any:
    x = layers.Conv3D(4, 3, padding="same", activation="relu")(x)
    x = layers.Conv3D(4, 3, strides=2)(x)
    x = layers.Conv3DTranspose(3, 2, strides=2)(x)
    return layers.Flatten()(x)


@network(floats(1, 8, 8, 3))
def padded_and_cropped(layers: Any, x: Any) -> Any:
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.Conv2D(5, 3)(x)
    x = layers.Cropping2D(((1, 0), (2, 1)))(x)
    x = layers.Permute((3, 1, 2))(x)
    return layers.Reshape((5, -1))(x)


@network(floats(1, 10, 10, 4), modes=EVERY)
def parametric_relu(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(6, 3)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.LeakyReLU()(layers.Conv2D(6, 3)(x))
    return layers.Conv2D(2, 3)(x)


@network(floats(1, 12, 12, 4))
def transposed_chain(layers: Any, x: Any) -> Any:
    x = layers.Conv2DTranspose(4, 3, strides=1, padding="valid", activation="relu")(x)
    x = layers.Conv2DTranspose(3, 4, strides=3, padding="same", use_bias=False)(x)
    return layers.Conv2DTranspose(2, 2, strides=2, padding="valid")(x)


@function(floats(1, 9, 9, 12), modes=NO_INT16, optimized=("int8", "int8_float_io"))
def super_resolution(tf: Any, x: Any) -> Any:
    x = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 12, 12), 1, "SAME") + weights(12))
    return tf.nn.depth_to_space(x, 2)


@function(floats(1, 8, 8, 4), modes=EVERY)
def local_response(tf: Any, x: Any) -> Any:
    x = tf.nn.local_response_normalization(x, 2, 1.0, 0.5, 0.75)
    return tf.nn.l2_normalize(tf.nn.space_to_depth(x, 2), -1), tf.nn.relu(x - 0.25)


@function(floats(1, 8, 8, 4), modes=NO_INT16)
def mirror_and_pools(tf: Any, x: Any) -> Any:
    reflected = tf.pad(x, [[0, 0], [2, 1], [1, 2], [0, 0]], "REFLECT")
    symmetric = tf.pad(x, [[0, 0], [2, 1], [1, 2], [0, 0]], "SYMMETRIC")
    filled = tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 1]], constant_values=0.5)
    return tf.nn.avg_pool2d(reflected, 2, 2, "SAME"), tf.nn.max_pool2d(symmetric, 3, 2, "VALID"), filled


@function(floats(1, 9, 7, 3, low=0.0), modes=EVERY)
def resized_images(tf: Any, x: Any) -> Any:
    resize = tf.compat.v1.image
    return (
        tf.image.resize(x, (14, 5)),
        tf.image.resize(x, (3, 11), method="nearest"),
        resize.resize_bilinear(x, (18, 14), align_corners=True),
        resize.resize_nearest_neighbor(x, (18, 14), half_pixel_centers=True),
    )


@function(floats(2, 7, 6, 4), floats(3, 3, 4, 5), modes=FLOAT)
def convolution_by_fed_weights(tf: Any, x: Any, w: Any) -> Any:
    return tf.nn.conv2d(x, w, [1, 2, 1, 1], "SAME")

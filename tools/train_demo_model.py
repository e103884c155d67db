"""Train the CNN that `qcore demo` quantizes, on scikit-learn's handwritten digits, and write it as package data.

    python tools/train_demo_model.py            writes qcore/data/digits_float.tflite and qcore/data/digits.npz

Needs the development environment (TensorFlow, scikit-learn). Everything is seeded. The digits are the test set of the
UCI "Optical Recognition of Handwritten Digits" data: 1,797 images of 8x8 pixels with values 0 to 16.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

DATA = Path(__file__).resolve().parents[1] / "qcore" / "data"
HELD_OUT = 500
CALIBRATION = 100
SEED = 7
EPOCHS = 40
BATCH = 64


def build(batch: int | None) -> tf.keras.Model:
    """A small CNN with the layers people meet: convolution, depthwise, residual sum, pooling, dense, softmax."""
    layers = tf.keras.layers
    inputs = layers.Input((8, 8, 1), batch_size=batch, name="image")
    x = layers.Conv2D(32, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    y = layers.BatchNormalization(name="depthwise_norm")(y)
    y = layers.ReLU(6.0, name="depthwise_relu")(y)
    y = layers.Conv2D(32, 1, name="project")(y)
    x = layers.Add(name="residual")([x, y])
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(96, 3, activation="relu", name="head")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.4, seed=SEED)(x)
    x = layers.Dense(10, name="logits")(x)
    return tf.keras.Model(inputs, layers.Softmax(name="digit")(x))


def main() -> None:
    """Train, convert, report the held-out accuracy of the file itself, and write the package data."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.images))
    images = digits.images[order].astype(np.uint8)[..., None]
    labels = digits.target[order].astype(np.uint8)
    held_out, rest = slice(0, HELD_OUT), slice(HELD_OUT, None)

    trained = build(batch=None)
    shifted_images, shifted_labels = _shifted(images[rest], labels[rest])
    steps = EPOCHS * -(-len(shifted_labels) // BATCH)
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(4e-3, steps))
    trained.compile(optimizer, "sparse_categorical_crossentropy")
    trained.fit(shifted_images / np.float32(16), shifted_labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    model = build(batch=1)
    model.set_weights(trained.get_weights())

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    content = converter.convert()
    predicted = [_classify(content, image) for image in images[held_out]]
    print(f"held-out accuracy {np.mean(predicted == labels[held_out]):.4f}, {len(content):,} bytes")
    DATA.mkdir(exist_ok=True)
    (DATA / "digits_float.tflite").write_bytes(content)
    np.savez_compressed(
        DATA / "digits.npz",
        calibration=images[rest][:CALIBRATION],
        images=images[held_out],
        labels=labels[held_out],
    )


def _shifted(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images and their copies shifted by one pixel in four directions."""
    shifts = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    return np.concatenate([np.roll(images, s, (1, 2)) for s in shifts]), np.tile(labels, len(shifts))


def _classify(content: bytes, image: np.ndarray) -> int:
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None] / np.float32(16))
    interpreter.invoke()
    return int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax())


if __name__ == "__main__":
    main()

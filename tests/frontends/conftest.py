"""Small Keras models, of both Keras, and what they answer."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import oracle

KERAS = ["keras", "tf_keras"]
INPUT = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)


@pytest.fixture(params=KERAS)
def keras(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3 and Keras 2, in turn; the names of layers begin anew."""
    return package(request.param)


def package(name: str) -> ModuleType:
    oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip(name, reason=f"{name} is not installed")
    found.backend.clear_session()
    return found


def small_net(keras: Any, seed: int = 1, name: str = "net", classes: int = 4) -> Any:
    """Convolution, normalization, pooling, dropout, dense; every weight and statistic is random."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    start = keras.Input((8, 8, 3), batch_size=1, name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="conv")(start)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Dropout(0.5, name="drop")(layers.Flatten(name="flatten")(x))
    model = keras.Model(start, layers.Dense(classes, activation="softmax", name="dense")(x), name=name)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 0.9, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def answer(model: Any, x: NDArray[Any] = INPUT) -> NDArray[Any]:
    """What Keras predicts."""
    return np.asarray(model(x, training=False))

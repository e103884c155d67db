"""Values to fill histograms with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.observers.histogram import Histogram

Array = NDArray[Any]


def filled(values: Any, bins: int = 2048, window: tuple[float, float] | None = None) -> Histogram:
    """The histogram of values, added at once."""
    histogram = Histogram(bins, window)
    array = np.asarray(values, np.float32)
    histogram.add(array, array.min(), array.max())
    return histogram


def draws(kind: str, size: int = 20_000, seed: int = 0) -> Array:
    """Values as activations have them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    drawn: dict[str, Array] = {
        "normal": x,
        "relu": np.maximum(x, 0),
        "negative": -np.abs(x) - 0.5,
        "shifted": x + 5,
        "laplace": rng.laplace(size=size),
        "uniform": rng.uniform(-1, 3, size),
        "outliers": np.concatenate([30 * x[:6], x[6:]]),
        "tiny": x * 1e-42,
        "huge": np.clip(x * 1e38, -3.4e38, 3.4e38),
    }
    return drawn[kind].astype(np.float32)


KINDS = ("normal", "relu", "negative", "shifted", "laplace", "uniform", "outliers", "tiny", "huge")

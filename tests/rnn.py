"""Random recurrent cells for one-operator models."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.one_op import Operand
from tflite_schema import ActivationFunctionType

ACTIVATIONS = st.sampled_from(
    [
        ActivationFunctionType.NONE,
        ActivationFunctionType.RELU,
        ActivationFunctionType.RELU_N1_TO_1,
        ActivationFunctionType.RELU6,
        ActivationFunctionType.TANH,
        ActivationFunctionType.SIGN_BIT,
    ]
)
SIZES = st.one_of(st.integers(1, 9), st.sampled_from([16, 19]))


def weights(rng: np.random.Generator, *shape: int, hybrid: bool) -> Operand:
    if hybrid:
        values = rng.integers(-127, 128, shape).astype(np.int8)
        return Operand(values, np.float32(rng.uniform(0.001, 0.01)), constant=True)
    return Operand(floats(rng, *shape) * np.float32(0.4), constant=True)


def floats(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.normal(0, 1, shape).astype(np.float32)


def cell(rng: np.random.Generator, inputs: int, units: int, batch: int, hybrid: bool) -> list[Operand]:
    """Weights, recurrent weights, bias, state."""
    return [
        weights(rng, units, inputs, hybrid=hybrid),
        weights(rng, units, units, hybrid=hybrid),
        Operand(floats(rng, units), constant=True),
        Operand(np.zeros((batch, units), np.float32), variable=True),
    ]


def generator(draw: st.DrawFn) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))


def tolerance(hybrid: bool) -> float:
    """Hybrid cells are equal bit by bit; float sums are not added in TFLite's order."""
    return 0.0 if hybrid else 1e-5

"""A dense operator on scales that are powers of two: what is not planted in it is 0 exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Model, QuantParams
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import ActivationFunctionType, BuiltinOperator, FullyConnectedOptions

X = np.array([[1.0, -2.0, 3.0, 0.5]], np.float32)
W = np.array([[10, 20, -30, 40], [-50, 10, 7, 8], [1, 0, 0, 0]], np.int8)
BIAS = np.array([96, -1024, 32], np.int32)
SX, SW, SY = 2.0**-5, 2.0**-4, 2.0**-4


def dense(
    w: NDArray[Any] = W,
    bias: NDArray[Any] = BIAS,
    scale: float = SY,
    zero_point: int = 0,
    fused: ActivationFunctionType = ActivationFunctionType.NONE,
) -> Model:
    model = empty_model()
    g = GraphBuilder(model, "main")
    x = g.tensor(np.int8, X.shape, quant=QuantParams.of(SX))
    weights = g.tensor(np.int8, value=w, quant=QuantParams.of(SW))
    biases = g.tensor(np.int32, value=bias, quant=QuantParams.of(SX * SW))
    y = g.tensor(np.int8, (1, 3), quant=QuantParams.of(scale, zero_point))
    g.op(BuiltinOperator.FULLY_CONNECTED, (x, weights, biases), (y,), options(fused))
    g.done((x,), (y,))
    return model


def float_dense(fused: ActivationFunctionType = ActivationFunctionType.NONE) -> Model:
    model = empty_model()
    g = GraphBuilder(model, "main")
    x, y = g.tensor(np.float32, X.shape), g.tensor(np.float32, (1, 3))
    weights = g.tensor(np.float32, value=W * np.float32(SW))
    biases = g.tensor(np.float32, value=BIAS * np.float32(SX * SW))
    g.op(BuiltinOperator.FULLY_CONNECTED, (x, weights, biases), (y,), options(fused))
    g.done((x,), (y,))
    return model


def options(fused: ActivationFunctionType) -> FullyConnectedOptions:
    return FullyConnectedOptions(fused_activation_function=fused)

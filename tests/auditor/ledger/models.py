"""A small float network and its int8 form, for tests of the ledger."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qcore
from qcore.ir import Model
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    BuiltinOperator,
    Conv2DOptions,
    FullyConnectedOptions,
    Padding,
    Pool2DOptions,
    ReshapeOptions,
    SoftmaxOptions,
)

Array = NDArray[Any]


def network(seed: int = 0) -> Model:
    """CONV_2D with RELU6, CONV_2D, ADD, AVERAGE_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX on images 8 x 8 x 2."""
    rng = np.random.default_rng(seed)
    model = empty_model()
    g = GraphBuilder(model, "main")
    x = g.tensor(np.float32, (1, 8, 8, 2))

    def constant(*shape: int) -> int:
        return g.tensor(np.float32, value=rng.normal(0, 1 / np.sqrt(np.prod(shape[1:]) or 1), shape).astype(np.float32))

    def conv(source: int, depth: int, fused: ActivationFunctionType) -> int:
        y = g.tensor(np.float32, (1, 8, 8, 4))
        options = Conv2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, fused_activation_function=fused)
        g.op(BuiltinOperator.CONV_2D, (source, constant(4, 3, 3, depth), constant(4)), (y,), options)
        return y

    a = conv(x, 2, ActivationFunctionType.RELU6)
    b = conv(a, 4, ActivationFunctionType.NONE)
    c, d, e, f, y = (g.tensor(np.float32, s) for s in ((1, 8, 8, 4), (1, 2, 2, 4), (1, 16), (1, 5), (1, 5)))
    g.op(BuiltinOperator.ADD, (a, b), (c,), AddOptions())
    pool = Pool2DOptions(padding=Padding.VALID, stride_w=4, stride_h=4, filter_width=4, filter_height=4)
    g.op(BuiltinOperator.AVERAGE_POOL_2D, (c,), (d,), pool)
    shape = g.tensor(np.int32, value=np.array([1, 16], np.int32))
    g.op(BuiltinOperator.RESHAPE, (d, shape), (e,), ReshapeOptions(new_shape=[1, 16]))
    g.op(BuiltinOperator.FULLY_CONNECTED, (e, constant(5, 16), constant(5)), (f,), FullyConnectedOptions())
    g.op(BuiltinOperator.SOFTMAX, (f,), (y,), SoftmaxOptions(beta=1.0))
    g.done((x,), (y,))
    return model


def samples(count: int = 6, seed: int = 1) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (1, 8, 8, 2)).astype(np.float32) for _ in range(count)]


@functools.cache
def pair(recipe: str = "int8", **overrides: Any) -> tuple[Model, Model]:
    """The network quantized, and itself."""
    model = network()
    ranges = qcore.calibrate(model, samples()) if recipe.startswith("int") else None
    return qcore.quantize(model, recipe, ranges, **overrides), model

"""Float graphs with large weights, each for one thing that can happen to a weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qcore.ir import Model, Tensor
from tests.quantizer.converter import FloatGraph
from tests.quantizer.recurrent import rnn
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    BatchMatMulOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    GatherOptions,
    LSTMKernelType,
    LSTMOptions,
    MulOptions,
    ReshapeOptions,
    SplitOptions,
    StridedSliceOptions,
    SVDFOptions,
    TensorType,
    TransposeConvOptions,
)

__all__ = ["CASES", "build", "dense", "weight_of"]

G = FloatGraph
X = (1, 8, 8, 16)


def conv(g: G, weight: int | None = None, x: int | None = None) -> int:
    operands = [g.input(X) if x is None else x, g.random(16, 3, 3, 16) if weight is None else weight, g.random(16)]
    return int(g.op("CONV_2D", operands, X, options=Conv2DOptions(stride_w=1, stride_h=1)))


def depthwise(g: G) -> int:
    shape, options = (1, 8, 8, 64), DepthwiseConv2DOptions(stride_w=1, stride_h=1, depth_multiplier=1)
    return int(g.op("DEPTHWISE_CONV_2D", [g.input(shape), g.random(1, 5, 5, 64), g.random(64)], shape, options=options))


def dense(g: G, weight: int | None = None, x: int | None = None, *, units: int = 32, size: int = 64) -> int:
    operands = [g.input((2, size)) if x is None else x, g.random(units, size) if weight is None else weight, -1]
    return int(g.op("FULLY_CONNECTED", operands, (2, units), options=FullyConnectedOptions()))


def dense_of_rank_3(g: G) -> int:
    operands = [g.input((2, 3, 64)), g.random(32, 64), g.random(32)]
    return int(g.op("FULLY_CONNECTED", operands, (2, 3, 32), options=FullyConnectedOptions(keep_num_dims=True)))


def transpose_conv(g: G, *, bias: bool = True) -> int:
    operands = [g.constant([1, 16, 16, 8], np.int32), g.random(8, 3, 3, 16), g.input(X)]
    operands += [g.random(8)] if bias else []
    y = g.op("TRANSPOSE_CONV", operands, (1, 16, 16, 8), options=TransposeConvOptions(stride_w=2, stride_h=2))
    return int(g.op("TANH", [y], (1, 16, 16, 8)) if bias else y)


def matmul(g: G, *, weight_first: bool = False) -> int:
    weight = g.random(2, 32, 32)
    x = g.input((2, 32, 8) if weight_first else (2, 8, 32))
    operands = [weight, x] if weight_first else [x, weight]
    return int(g.op("BATCH_MATMUL", operands, g.shape(x), options=BatchMatMulOptions()))


def gather(g: G, count: int = 5, axis: int = 0) -> int:
    shape = (count, 32) if axis == 0 else (64, count)
    operands = [g.random(64, 32), g.input((count,), np.int32)]
    return int(g.op("GATHER", operands, shape, options=GatherOptions(axis=axis)))


def gather_then_move(g: G) -> int:
    """DEQUANTIZE moves behind all that shrink what they move."""
    bounds = [g.constant(values, np.int32) for values in ([0, 0], [8, 32], [2, 1])]
    y = g.op("STRIDED_SLICE", [gather(g, 8), *bounds], (4, 32), options=StridedSliceOptions())
    y = g.op("RESHAPE", [y, g.constant([128], np.int32)], (128,), options=ReshapeOptions())
    return int(g.op("ABS", [y], (128,)))


def gather_read_twice(g: G) -> list[int]:
    y = gather(g)
    return [y, int(g.op("ABS", [y], (5, 32)))]


def embedding_lookup(g: G) -> int:
    y = g.op("EMBEDDING_LOOKUP", [g.input((3,), np.int32), g.random(64, 32)], (3, 32))
    return int(g.op("TANH", [y], (3, 32)))


def tied_embedding(g: G) -> int:
    """One table, of one type, for an operator at either end."""
    table = g.random(64, 32)
    y = g.op("EMBEDDING_LOOKUP", [g.input((2,), np.int32), table], (2, 32))
    return dense(g, table, y, units=64, size=32)


def shared_weight(g: G) -> list[int]:
    x, weight = g.input(X), g.random(16, 3, 3, 16)
    return [conv(g, weight, x), conv(g, weight, x)]


def also_an_operand(g: G) -> list[int]:
    """What an ADD reads stays float32, beside the copy in int8."""
    weight = g.random(32, 32)
    return [dense(g, weight, size=32), int(g.op("ADD", [g.input((32, 32)), weight], (32, 32), options=AddOptions()))]


def several_results(g: G) -> list[int]:
    shape = (1, 8, 8, 64)
    parts = g.op("SPLIT", [g.constant(3, np.int32), g.input(shape)], *[X] * 4, options=SplitOptions(num_splits=4))
    left = g.op("ADD", [conv(g, x=parts[0]), conv(g, x=parts[1])], X, options=AddOptions())
    return [left, int(g.op("ADD", parts[2:], X, options=AddOptions()))]


def tiny_channels(g: G) -> int:
    """Channels of zeros, and on both sides of the smallest range."""
    weight = g.rng.normal(size=(16, 3, 3, 16))
    for channel, largest in {3: 0, 4: 1e-8, 5: 4.9e-7, 6: 5e-7, 7: 5.1e-7, 8: 1e-30}.items():
        weight[channel] *= largest / np.abs(weight[channel]).max()
    return conv(g, g.constant(weight))


def zeros(g: G) -> int:
    return dense(g, g.constant(np.zeros((32, 64))))


def ties(g: G) -> int:
    """Weights half way between two integers."""
    weight = np.round(g.rng.normal(size=(32, 64)) * 64) / 2
    weight[:, 0] = 127
    return dense(g, g.constant(np.clip(weight, -127, 127)))


def one_channel(g: G) -> int:
    return dense(g, units=1, size=1024)


def too_small(g: G) -> int:
    return dense(g, units=1, size=1023)


def returned(g: G) -> list[int]:
    """A constant that is read, one that is not, both returned."""
    read, other = g.random(4), g.random(2000)
    return [int(g.op("MUL", [g.input((4,)), read], (4,), options=MulOptions())), read, other]


def svdf(g: G) -> int:
    state = Tensor("state", (2, 40 * 32), TensorType.FLOAT32, is_variable=True, extra={"has_rank": True})
    operands = [g.input((2, 40)), g.random(32, 40), g.random(32, 40), g.random(32)]
    g.graph.tensors.append(state)
    operands.append(len(g.graph.tensors) - 1)
    return int(g.op("SVDF", operands, (2, 32), options=SVDFOptions(rank=1)))


def sequence_rnn(g: G) -> int:
    return rnn(g, "UNIDIRECTIONAL_SEQUENCE_RNN", 40)[0]


def basic_lstm(g: G) -> list[int]:
    """States go in and out; of the results two are only for the kernel."""
    states = [g.input((2, 32)), g.input((2, 32))]
    operands = [g.input((2, 8)), states[0], g.random(128, 40), g.random(128), states[1]]
    options = LSTMOptions(kernel_type=LSTMKernelType.BASIC, fused_activation_function=ActivationFunctionType.TANH)
    return list(g.op("LSTM", operands, (2, 32), (2, 32), (2, 40), (2, 128), options=options))


CASES: dict[str, Callable[[G], Any]] = {
    function.__name__: function
    for function in (
        conv,
        depthwise,
        dense,
        dense_of_rank_3,
        transpose_conv,
        matmul,
        gather,
        gather_then_move,
        gather_read_twice,
        embedding_lookup,
        tied_embedding,
        shared_weight,
        also_an_operand,
        several_results,
        tiny_channels,
        zeros,
        ties,
        one_channel,
        too_small,
        returned,
    )
} | {
    "transpose_conv without bias": lambda g: transpose_conv(g, bias=False),
    "matmul of a weight": lambda g: matmul(g, weight_first=True),
    "gather that grows": lambda g: gather(g, 200),
    "gather along axis 1": lambda g: gather(g, axis=1),
}


def build(function: Callable[[G], Any], seed: int = 3) -> Model:
    """The model of a case."""
    graph = G(seed)
    results = function(graph)
    return graph.model(*(results if isinstance(results, list) else [results]))


def weight_of(model: Model, code: str) -> Tensor:
    """The tensor an operator of that name reads as operand 1."""
    operator = next(op for op in model.main.operators if op.name == code)
    return model.main.tensors[operator.inputs[1]]

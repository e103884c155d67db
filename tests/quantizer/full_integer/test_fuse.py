"""Operators that the converter joins after quantization; the joined models are compared in fake_quant's tests too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    Padding,
    Pool2DOptions,
    ReducerOptions,
    ReshapeOptions,
)

X = (1, 8, 8, 4)


def codes(graph: FloatGraph, *outputs: int) -> list[str]:
    ours = check(graph.model(*outputs))
    assert ours is not None
    return [operator.name for operator in ours.main.operators if operator.name not in ("QUANTIZE", "DEQUANTIZE")]


def conv(graph: FloatGraph, x: int, stride: int = 1, padding: Padding = Padding.SAME, size: int = 3) -> int:
    spatial = [n if padding == Padding.SAME else n - size + 1 for n in graph.shape(x)[1:3]]
    shape = (1, *(-(-n // stride) for n in spatial), 2)
    options = Conv2DOptions(padding=padding, stride_h=stride, stride_w=stride)
    return int(graph.op("CONV_2D", [x, graph.random(2, size, size, 4), graph.random(2)], shape, options=options))


@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_an_activation_goes_into_the_operator_before(activation: str) -> None:
    graph = FloatGraph(1)
    x = graph.input(X)
    y = graph.op(activation, [conv(graph, x)], (1, 8, 8, 2))
    z = graph.op(activation, [graph.op("ADD", [x, x], X, options=AddOptions())], X)
    ours = check(graph.model(y, z))
    assert ours is not None
    fused = [op.options.fused_activation_function for op in ours.main.operators if op.name in ("CONV_2D", "ADD")]
    assert fused == [ActivationFunctionType[activation]] * 2


def test_not_where_something_else_reads_the_value_before() -> None:
    graph = FloatGraph(2)
    y = conv(graph, graph.input(X))
    assert codes(graph, graph.op("RELU", [y], (1, 8, 8, 2)), y) == ["CONV_2D", "RELU"]


def test_not_into_an_operator_that_has_one() -> None:
    graph = FloatGraph(3)
    x = graph.input(X)
    y = graph.op("ADD", [x, x], X, options=AddOptions(fused_activation_function=ActivationFunctionType.RELU))
    assert codes(graph, graph.op("RELU6", [y], X)) == ["ADD", "RELU6"]


def test_an_activation_with_a_scale_of_its_own_cannot_go_into_pooling() -> None:
    """Pooling kernels do not rescale; where TensorFlow joins them nevertheless, the model is refused."""
    graph = FloatGraph(4)
    options = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)
    pooled = graph.op("MAX_POOL_2D", [graph.input(X)], X, options=options)
    model = graph.model(graph.op("RELU", [pooled], X))
    with pytest.raises(QuantizationError, match="must share one scale"):
        quantize(model, "int8")


def dense(graph: FloatGraph, x: int, shape: tuple[int, ...], *, keep: bool = False) -> int:
    options = FullyConnectedOptions(keep_num_dims=keep)
    return int(graph.op("FULLY_CONNECTED", [x, graph.random(3, 4), graph.random(3)], shape, options=options))


def reshape(graph: FloatGraph, x: int, shape: tuple[int, ...]) -> int:
    return int(graph.op("RESHAPE", [x, graph.constant(shape, np.int32)], shape, options=ReshapeOptions()))


def test_reshape_before_fully_connected() -> None:
    graph = FloatGraph(5)
    x = graph.input((2, 3, 4))
    assert codes(graph, dense(graph, reshape(graph, x, (6, 4)), (6, 3))) == ["FULLY_CONNECTED"]


def test_reshape_that_changes_the_last_dimension_stays() -> None:
    graph = FloatGraph(6)
    assert codes(graph, dense(graph, reshape(graph, graph.input((2, 8)), (4, 4)), (4, 3))) == [
        "RESHAPE",
        "FULLY_CONNECTED",
    ]


def test_reshape_after_fully_connected() -> None:
    graph = FloatGraph(7)
    y = dense(graph, graph.input((2, 3, 4)), (6, 3))
    assert codes(graph, reshape(graph, y, (2, 3, 3))) == ["FULLY_CONNECTED"]


@pytest.mark.parametrize(("low", "high", "stride"), [(1, 1, 1), (0, 1, 2), (0, 2, 1), (1, 2, 1), (1, 1, 2)])
def test_padding_before_a_convolution(low: int, high: int, stride: int) -> None:
    graph = FloatGraph(8)
    size = 8 + low + high
    amounts = graph.constant([[0, 0], [low, high], [low, high], [0, 0]], np.int32)
    x = graph.op("PAD", [graph.input(X), amounts], (1, size, size, 4))
    same = (low, high, stride) in ((1, 1, 1), (0, 1, 2))
    assert codes(graph, conv(graph, x, stride, Padding.VALID)) == ["CONV_2D"] if same else ["PAD", "CONV_2D"]


def test_padding_before_a_depthwise_convolution() -> None:
    graph = FloatGraph(9)
    amounts = graph.constant([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    x = graph.op("PAD", [graph.input(X), amounts], (1, 10, 10, 4))
    options: Any = DepthwiseConv2DOptions(padding=Padding.VALID, stride_w=1, stride_h=1, depth_multiplier=1)
    y = graph.op("DEPTHWISE_CONV_2D", [x, graph.random(1, 3, 3, 4), graph.random(4)], X, options=options)
    assert codes(graph, y) == ["DEPTHWISE_CONV_2D"]


def reduce(graph: FloatGraph, name: str, x: int, axes: int, shape: tuple[int, ...], *, keep: bool = False) -> int:
    return int(graph.op(name, [x, axes], shape, options=ReducerOptions(keep_dims=keep)))


@pytest.mark.parametrize("name", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"])
def test_reshape_that_gives_reduced_dimensions_back(name: str) -> None:
    graph = FloatGraph(10, span=(-1.0, 2.0))
    x, axes = graph.input(X), graph.constant([1, 2], np.int32)
    y = reshape(graph, reduce(graph, name, x, axes, (1, 4)), (1, 1, 1, 4))
    assert codes(graph, y) == [name]


def test_two_reductions_over_the_same_axes() -> None:
    """The axes are one constant that gets a new name, with which others are counted on."""
    graph = FloatGraph(11)
    x, axes = graph.input(X), graph.constant([1, 2], np.int32, "arith.constant21")
    y = graph.op("ADD", [x, graph.constant(np.ones((8, 4)), name="arith.constant")], X, options=AddOptions())
    kept = [reshape(graph, reduce(graph, "MEAN", tensor, axes, (1, 4)), (1, 1, 1, 4)) for tensor in (x, y)]
    assert codes(graph, *kept, reduce(graph, "MEAN", y, axes, (1, 4))) == ["ADD", "MEAN", "MEAN", "MEAN"]


@pytest.mark.parametrize(
    ("shape", "given"), [((1, 4, 1, 1), [1, 2]), ((4,), [1, 2]), ((1, 1, 4), [1, 2]), ((1, 1, 1, 4), [1, -2])]
)
def test_reshape_of_a_reduction_stays(shape: tuple[int, ...], given: list[int]) -> None:
    """To anything else; or, as TensorFlow has it, where an axis is counted from the end."""
    graph = FloatGraph(12)
    axes = graph.constant(given, np.int32)
    y = reshape(graph, reduce(graph, "MEAN", graph.input(X), axes, (1, 4)), shape)
    assert codes(graph, y) == ["MEAN", "RESHAPE"]


def test_a_reduction_read_twice_or_that_keeps_its_dimensions_stays() -> None:
    graph = FloatGraph(13)
    x, axes = graph.input(X), graph.constant([2], np.int32)
    y = reduce(graph, "MEAN", x, axes, (1, 8, 4))
    z = reduce(graph, "MEAN", x, axes, (1, 8, 1, 4), keep=True)
    assert codes(graph, reshape(graph, y, (1, 8, 1, 4)), y, reshape(graph, z, (1, 8, 4))).count("RESHAPE") == 2

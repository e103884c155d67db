"""The formulas, by hand and at their edges; whole models compare them with TensorFlow elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model, Subgraph, Tensor
from qcore.quantizer import quantize
from qcore.quantizer.int16x8.parameters import (
    quantize_activation,
    quantize_bias_tensor,
    quantize_constant,
    quantize_weight,
    requantize_constant,
    set_bounds,
    set_range,
)
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check
from tflite_schema import AddOptions, Conv2DOptions, MulOptions, TensorType


def constant(values: Any) -> tuple[Model, Tensor]:
    array = np.asarray(values, np.float32)
    model = Model([Subgraph("main", [], [], (), ())])
    return model, Tensor("constant", array.shape, TensorType.FLOAT32, model.add_buffer(array))


def scale_of(tensor: Tensor) -> list[float]:
    assert tensor.quant is not None
    assert not tensor.quant.zero_point.any()
    return [float(scale) for scale in tensor.quant.scale]


@pytest.mark.parametrize(("low", "high", "scale"), [(-2, 1, 2), (1, 3, 3), (-3, -1, 3), (0, 0, 0)])
def test_activations_are_symmetric_and_their_range_holds_zero(low: float, high: float, scale: float) -> None:
    tensor = Tensor("x", (2,), TensorType.FLOAT32)
    set_bounds(tensor, low, high)
    quantize_activation(tensor)
    assert tensor.type == TensorType.INT16
    assert scale_of(tensor) == [np.float32(scale) / np.float32(32767)]
    assert tensor.quant is not None
    assert tensor.quant.min is not None
    assert tensor.quant.max is not None
    assert (tensor.quant.min[0], tensor.quant.max[0]) == (min(low, 0), max(high, 0))


def test_weights_per_channel_and_per_tensor() -> None:
    values = np.array([[1, -2, 0.5], [0, 0, 0]], np.float32)
    model, tensor = constant(values)
    set_range(tensor, values, 0)
    quantize_weight(model, tensor, values, 0)
    assert scale_of(tensor) == [np.float32(2) / np.float32(127), 0]
    assert model.constant(tensor).tolist() == [[64, -127, 32], [0, 0, 0]]  # type: ignore[union-attr]
    model, tensor = constant(values * 0)
    set_range(tensor, values * 0, None)
    quantize_weight(model, tensor, values * 0, None)
    assert scale_of(tensor) == [1]


def test_constants_and_their_requantization() -> None:
    values = np.array([0.5, -1.0, 0.25], np.float32)
    model, tensor = constant(values)
    quantize_constant(model, tensor, values)
    assert model.constant(tensor).tolist() == [16384, -32767, 8192]  # type: ignore[union-attr]
    requantize_constant(model, tensor, np.float32(2 / 32767))
    assert model.constant(tensor).tolist() == [8192, -16384, 4096]  # type: ignore[union-attr]


@pytest.mark.parametrize("type_", [TensorType.INT32, TensorType.INT64])
def test_biases(type_: TensorType) -> None:
    values = np.array([0.5, -3.0], np.float32)
    model, tensor = constant(values)
    quantize_bias_tensor(model, tensor, values, np.array([0.25, 2.0], np.float32), type_)
    assert tensor.type == type_
    assert model.constant(tensor).tolist() == [2, -2]  # type: ignore[union-attr]


X = (1, 4, 4, 2)


@pytest.mark.parametrize("bias_type", ["int64", "int32"])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("size", [0.0, -0.0, 1e-30, 1e-9, 1.0, 1e9])
def test_extreme_weights_and_biases_equal_the_converters(size: float, per_channel: bool, bias_type: str) -> None:
    """Zero channels, signed zeros, and biases so large that the weight's scale must grow."""
    for bias in (0.0, 1e-6, 3.0, -1e7):
        g = FloatGraph(3)
        weight = g.rng.normal(size=(3, 1, 1, 2)).astype(np.float32)
        weight[1] *= size
        x = g.op("CONV_2D", [g.input(X), g.constant(weight), g.constant([bias, 1, bias])], (1, 4, 4, 3), options=CONV)
        check(g.model(x), per_channel=per_channel, bias_type=bias_type)


@pytest.mark.parametrize("size", [0.0, -0.0, 1e-38, 1e-30, 1.0, 1e30])
def test_extreme_constants_equal_the_converters(size: float) -> None:
    g = FloatGraph(4)
    x = g.op("MUL", [g.input(X), g.constant([size, -0.0])], X, options=MulOptions())
    check(g.model(g.op("ADD", [x, g.constant([[[[0.0, size]]]])], X, options=AddOptions())))


CONV = Conv2DOptions(stride_w=1, stride_h=1)


@pytest.mark.parametrize("span", [(0.0, 0.0), (0.0, 1.1754944e-38), (-1e-45, 0.0), (-1e30, 1e30), (1e-20, 1e-20)])
@pytest.mark.parametrize("bias", [0.0, 1e-20])
def test_extreme_ranges_equal_the_converters(span: tuple[float, float], bias: float) -> None:
    """What was always zero is observed as 0 ... FLT_MIN."""
    g = FloatGraph(5, span)
    x = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), g.constant([bias, 0])], X, options=CONV)
    model = g.model(g.op("ADD", [x, x], X, options=AddOptions()))
    if span in ((0.0, 0.0), (-1e-45, 0.0)) or (bias and span[1] < 1e-30):
        with pytest.raises(QuantizationError, match="operator 0 CONV_2D: the range of 'input0' is too narrow"):
            quantize(model, "int16x8")
    else:
        check(model)

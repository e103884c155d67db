"""int4 weights: the numbers are AI Edge Quantizer's, and TFLite runs the files to our integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import Recipe, quantize
from qcore.quantizer.four_bits import FOUR_BIT_SCHEMES, FOUR_BIT_WEIGHTS
from qcore.quantizer.weight_methods import WEIGHT_METHODS
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import run_equal
from tests.quantizer.test_single_operators import FC, conv, dense, depthwise, transpose_conv
from tflite_schema import BuiltinOperator, Conv2DOptions, TensorType, TransposeConvOptions

SPAN = (-4.0, 4.0)
ACTIVATIONS = ("int8", "int16x8")


def build(make: Any, seed: int = 0, **keywords: Any) -> Model:
    graph = FloatGraph(seed, SPAN)
    return graph.model(make(graph, **keywords))


def odd_conv(g: FloatGraph) -> Any:
    options = Conv2DOptions(stride_w=1, stride_h=1)
    return g.op("CONV_2D", [g.input((1, 5, 5, 3)), g.random(3, 3, 3, 3), g.random(3)], (1, 3, 3, 3), options=options)


def odd_dense(g: FloatGraph) -> Any:
    return g.op("FULLY_CONNECTED", [g.input((2, 7)), g.random(3, 7), g.random(3)], (2, 3), options=FC)


def shared(g: FloatGraph) -> Any:
    """A weight that two operators read, of which one has no kernel for int4."""
    w = g.random(4, 3, 3, 4)
    options = Conv2DOptions(stride_w=1, stride_h=1)
    y = g.op("CONV_2D", [g.input((1, 6, 6, 4)), w, g.random(4)], (1, 4, 4, 4), options=options)
    inputs = [g.constant([1, 8, 8, 4], np.int32), w, g.input((1, 4, 4, 4))]
    return y, g.op("TRANSPOSE_CONV", inputs, (1, 8, 8, 4), options=TransposeConvOptions(stride_w=2, stride_h=2))


def weight(model: Model, name: str) -> tuple[Any, NDArray[Any]]:
    operator = next(operator for operator in model.main.operators if operator.name == name)
    tensor = model.main.tensors[operator.inputs[1]]
    values = model.constant(tensor)
    assert values is not None
    return tensor, values


def edge_quantizer(w: NDArray[np.float32], magnitude: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """AI Edge Quantizer's scale and integers, written down from its uniform_quantize_tensor.py, channels first."""
    scale = np.maximum(magnitude, np.float32(1e-9)) / np.float32(7)
    steps = np.divide(w, scale.reshape(-1, *(1,) * (w.ndim - 1)))
    return scale, np.clip(np.rint(steps), -8, 7).astype(np.int8)


@pytest.mark.parametrize("scheme", ACTIVATIONS)
@pytest.mark.parametrize("method", WEIGHT_METHODS)
def test_numbers_are_ai_edge_quantizers(scheme: str, method: str) -> None:
    source = build(conv, 5)
    _, w = weight(source, "CONV_2D")
    tensor, q = weight(load(to_bytes(quantize(source, scheme, weight_bits=4, weight_method=method))), "CONV_2D")
    scale, expected = edge_quantizer(w, WEIGHT_METHODS[method](w, 0, 4, False))
    assert tensor.type == TensorType.INT4
    assert tensor.quant.quantized_dimension == 0
    assert np.array_equal(tensor.quant.scale, scale)
    assert np.array_equal(q, expected)
    assert (q.min() == -8) == (method == "mse")  # beyond the clip there is one more integer below than above


@pytest.mark.parametrize("scheme", ACTIVATIONS)
def test_ties_and_zeros(scheme: str) -> None:
    def make(g: FloatGraph) -> Any:
        w = g.constant([[7, 0.5, 1.5, -0.5, -2.5, -7], [0] * 6])
        return g.op("FULLY_CONNECTED", [g.input((1, 6)), w, -1], (1, 2), options=FC)

    tensor, q = weight(quantize(build(make), scheme, weight_bits=4), "FULLY_CONNECTED")
    assert q.tolist() == [[7, 0, 2, 0, -2, -7], [0] * 6]
    assert tensor.quant.scale.tolist() == [1.0, float(np.float32(1e-9) / np.float32(7))]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("make", [conv, odd_conv, dense, odd_dense])
@pytest.mark.parametrize(("scheme", "versions"), [("int8", (7, 10)), ("int16x8", (7, 13))])
def test_tflite_runs_them_to_our_integers(make: Any, scheme: str, versions: tuple[int, int], per_channel: bool) -> None:
    ours = load(to_bytes(quantize(build(make, 3), scheme, weight_bits=4, per_channel=per_channel)))
    operator = next(operator for operator in ours.main.operators if operator.code in FOUR_BIT_WEIGHTS[scheme])
    tensor = ours.main.tensors[operator.inputs[1]]
    assert tensor.type == TensorType.INT4
    assert tensor.quant is not None
    assert tensor.quant.scale.size == (tensor.shape[0] if per_channel else 1)
    assert operator.version == versions[operator.name == "FULLY_CONNECTED"]
    assert run_equal(ours) > 0


@pytest.mark.parametrize("per_channel", [True, False])
def test_depthwise(per_channel: bool) -> None:
    """The reference kernel reads int4 weights, but TFLite lists it up to version 6 only, where the rule says 7."""
    ours = quantize(build(depthwise, 3), "int8", weight_bits=4, per_channel=per_channel)
    operator = next(operator for operator in ours.main.operators if operator.name == "DEPTHWISE_CONV_2D")
    assert operator.version == 7
    with pytest.raises(ValueError, match="DEPTHWISE_CONV_2D' version '7'"):
        oracle.interpreter(to_bytes(ours))
    assert run_equal(ours) == 0  # the optimized kernels take it
    operator.version = 6
    ours.extra.pop("operator_codes", None)
    assert run_equal(ours) > 0


def test_weights_without_kernels_keep_8_bits() -> None:
    for scheme, make in (("int16x8", depthwise), ("int8", transpose_conv)):
        model = build(make)
        ours, eight = (to_bytes(quantize(model, scheme, weight_bits=bits)) for bits in (4, 8))
        assert ours == eight
        with pytest.raises(QuantizationError, match=r"_0' would stay in 8 bits: TFLite"):
            quantize(model, scheme, weight_bits=4, strict=True)


@pytest.mark.parametrize("scheme", ACTIVATIONS)
def test_a_shared_weight_keeps_8_bits(scheme: str) -> None:
    graph = FloatGraph(0, SPAN)
    model = graph.model(*shared(graph))
    tensor, _ = weight(quantize(model, scheme, weight_bits=4), "CONV_2D")
    assert tensor.type == TensorType.INT8


@pytest.mark.parametrize("scheme", ACTIVATIONS)
def test_strict_takes_a_model_of_4_bit_weights(scheme: str) -> None:
    tensor, _ = weight(quantize(build(conv), scheme, weight_bits=4, strict=True), "CONV_2D")
    assert tensor.type == TensorType.INT4


@pytest.mark.parametrize("scheme", ACTIVATIONS)
def test_a_bias_is_in_units_of_the_4_bit_scale(scheme: str) -> None:
    ours = quantize(build(conv, 3), scheme, weight_bits=4)
    operator = next(operator for operator in ours.main.operators if operator.name == "CONV_2D")
    x, w, bias = (ours.main.tensors[tensor].quant for tensor in operator.inputs)
    assert x is not None
    assert w is not None
    assert bias is not None
    np.testing.assert_allclose(bias.scale, x.scale[0] * w.scale, rtol=1e-6)


def test_wide_biases_widen_4_bit_weights() -> None:
    """int16x8: the bias keeps below half the int32 range, so the scale of its channel grows."""

    def make(g: FloatGraph) -> Any:
        x, w, bias = g.input((1, 2)), g.constant([[1e-6, 1e-6], [1, 1]]), g.constant([100, 1])
        return g.op("FULLY_CONNECTED", [x, w, bias], (1, 2), options=FC)

    ours = quantize(build(make), "int16x8", weight_bits=4)
    operator = next(operator for operator in ours.main.operators if operator.name == "FULLY_CONNECTED")
    bias = ours.constant(ours.main.tensors[operator.inputs[2]])
    assert bias is not None
    assert abs(int(bias[0]) - 2**30) < 2**8
    assert run_equal(ours) > 0


@pytest.mark.parametrize("bits", [2, 5, 16, 4.5, "4", True, None])
def test_no_other_bits(bits: Any) -> None:
    with pytest.raises(QuantizationError, match=r"weight_bits is .*; it can be 8 or 4"):
        Recipe("mine", weight_bits=bits)


def test_schemes_without_4_bit_weights() -> None:
    with pytest.raises(QuantizationError, match="the scheme qat has no 4-bit weights; int8, int16x8"):
        Recipe("mine", "qat", weight_bits=4)
    assert {"int8", "int16x8"} <= set(FOUR_BIT_SCHEMES)
    assert BuiltinOperator.DEPTHWISE_CONV_2D not in FOUR_BIT_WEIGHTS["int16x8"]

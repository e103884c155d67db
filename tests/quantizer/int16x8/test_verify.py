"""What TensorFlow's quantizer would write wrongly is refused, and so is what the recipe asks for in vain."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, run_equal
from tests.quantizer.test_single_operators import CASES, model_of
from tflite_schema import AddOptions, ConcatenationOptions, Conv2DOptions, DepthwiseConv2DOptions, NegOptions, Padding

X = (1, 4, 4, 2)


def refused(model: Model, message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        quantize(model, "int16x8")


def test_strict_names_all_operators_and_why() -> None:
    g = FloatGraph()
    x = g.op("NEG", [g.op("ADD", [g.input(X), g.input(X)], X, options=AddOptions())], X, options=NegOptions())
    model = g.model(g.op("SIN", [x], X))
    with pytest.raises(
        QuantizationError,
        match="3 operators would stay in float: ADD 'add_0', NEG 'neg_1', SIN 'sin_2'; TensorFlow has no 16x8 rule for "
        "2 of them, 1 are denylisted",
    ):
        quantize(model, "int16x8", strict=True, denylisted_ops=["ADD"])
    assert quantize(model, "int16x8")


def test_strict_does_not_mind_operators_on_integers() -> None:
    g = FloatGraph()
    a = g.input((2,), np.int32)
    shape = g.op("FLOOR_DIV", [a, a], (2,), dtype=np.int32)
    model = g.model(shape, g.op("RELU", [g.input(X)], X))
    assert quantize(model, "int16x8", strict=True)


def test_operands_of_a_select_need_one_scale() -> None:
    refused(model_of(CASES["SELECT"][0]), "operator 0 SELECT: operands and results must share one scale")
    ours = check(model_of(CASES["SELECT"][0], span=(-1.0, 1.0)))
    assert ours is not None
    assert run_equal(ours) > 0


def test_operators_without_a_kernel() -> None:
    message = r"PADV2 to 16x8, but no kernel runs the outcome; .* denylisted_ops=\['PADV2'\]. .* operator 0 PADV2"
    refused(model_of(CASES["PADV2"][0]), message)
    ours = quantize(model_of(CASES["PADV2"][0]), "int16x8", denylisted_ops=["PADV2"])
    assert [operator.name for operator in ours.main.operators] == ["PADV2"]


def test_depthwise_convolutions_need_a_bias() -> None:
    g = FloatGraph()
    options = DepthwiseConv2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, depth_multiplier=1)
    x = g.op("DEPTHWISE_CONV_2D", [g.input(X), g.random(1, 2, 2, 2), -1], X, options=options)
    refused(g.model(x), "operator 0 DEPTHWISE_CONV_2D: TFLite runs it with a bias only")


def test_a_bias_that_something_else_has_quantized() -> None:
    g = FloatGraph()
    bias = g.random(2)
    joined = g.op("CONCATENATION", [g.input((2,)), bias], (4,), options=ConcatenationOptions(axis=0))
    options = Conv2DOptions(stride_w=1, stride_h=1)
    y = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), bias], X, options=options)
    refused(g.model(joined, y), "operator 1 CONV_2D: its bias 'constant0' has become INT16 for another operator")


def test_a_bias_that_is_no_constant() -> None:
    g = FloatGraph()
    options = Conv2DOptions(stride_w=1, stride_h=1)
    y = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), g.input((2,))], X, options=options)
    refused(g.model(y), "operator 0 CONV_2D: its bias 'input1' is no constant")


def test_a_bias_read_in_float_elsewhere() -> None:
    g = FloatGraph()
    bias = g.random(2)
    options = Conv2DOptions(stride_w=1, stride_h=1)
    y = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), bias], X, options=options)
    refused(g.model(y, g.op("SIN", [bias], (2,))), "operator 1 SIN stays in float, but its operand 'constant0' has")

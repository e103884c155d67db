"""Inputs and outputs in integers: what can be changed, and what TensorFlow gets wrong. The rest is in whole models."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.quantizer.fake_quant.io_types import set_io_types
from tests.quantizer.fake_quant.paired import PairedGraph
from tests.quantizer.fake_quant.trained import Network
from tflite_schema import NegOptions, SoftmaxOptions, TensorType

X = (1, 4)


def softmax() -> Model:
    """Its result is made with 1/256, and its pair asks for another scale."""
    graph = PairedGraph()
    x = graph.pair(graph.input(X, ranged=False))
    return graph.model(graph.pair(graph.plain("SOFTMAX", [x], X, SoftmaxOptions(beta=1.0)), 1 / 255, -128))


def codes(model: Model) -> list[str]:
    return [operator.name for operator in model.main.operators]


def test_an_output_that_is_to_stay_float32_does() -> None:
    """TensorFlow gives int8 here: it drops the DEQUANTIZE with the QUANTIZE before it."""
    ours = quantize(softmax(), "qat", inference_input_type="int8")
    assert codes(ours) == ["SOFTMAX", "QUANTIZE", "DEQUANTIZE"]
    assert ours.main.tensors[ours.main.outputs[0]].type == TensorType.FLOAT32
    theirs = Network("two_inputs").converted(quantized=True, inputs="int8", outputs="float32")
    assert TensorType.INT8 in [theirs.main.tensors[tensor].type for tensor in theirs.main.outputs]


def test_of_two_conversions_in_a_row_the_first_goes() -> None:
    ours = quantize(softmax(), "qat", inference_output_type="uint8")
    assert codes(ours) == ["QUANTIZE", "SOFTMAX", "QUANTIZE"]
    last = ours.main.tensors[ours.main.outputs[0]].quant
    assert last is not None
    assert (last.scale[0], last.zero_point[0]) == (np.float32(1 / 255), 0)


def test_the_first_stays_where_something_else_reads_it_before() -> None:
    graph = PairedGraph()
    x = graph.pair(graph.input(X, ranged=False))
    results = [
        graph.pair(graph.plain("RESHAPE", [x, graph.constant(X, np.int32)], X), scale) for scale in (0.25, 0.125)
    ]
    ours = quantize(graph.model(*results), "qat", inference_input_type="uint8")
    written = set(ours.main.inputs)
    for operator in ours.main.operators:
        read = {t for t in operator.inputs if t >= 0 and not ours.is_constant(ours.main.tensors[t])}
        assert read <= written
        written |= set(operator.outputs)


def test_what_has_no_conversion_stays_float() -> None:
    graph = PairedGraph()
    y = graph.plain("ABS", [graph.pair(graph.input(X, ranged=False))], X)
    model = graph.model(graph.pair(y), graph.plain("NEG", [graph.input(X, ranged=False)], X, NegOptions()))
    ours = quantize(model, "qat", inference_input_type="int8", inference_output_type="int8")
    assert [ours.main.tensors[t].type.name for t in ours.main.inputs] == ["INT8", "FLOAT32"]
    assert [ours.main.tensors[t].type.name for t in ours.main.outputs] == ["INT8", "FLOAT32"]


def test_nothing_to_change() -> None:
    graph = PairedGraph()
    model = graph.model(graph.plain("NEG", [graph.input(X, ranged=False)], X, NegOptions()))
    with pytest.raises(QuantizationError, match=r"no input is quantized.*fake-quantize input0 in training"):
        set_io_types(model, TensorType.INT8, TensorType.FLOAT32)
    with pytest.raises(QuantizationError, match="no output is quantized, so inference_output_type must be float32"):
        set_io_types(model, TensorType.FLOAT32, TensorType.UINT8)


def test_an_output_that_is_read_in_float() -> None:
    graph = PairedGraph()
    y = graph.pair(graph.plain("ABS", [graph.pair(graph.input(X, ranged=False))], X))
    model = graph.model(y, graph.plain("NEG", [y], X, NegOptions()))
    with pytest.raises(QuantizationError, match=r"is also read in float by NEG"):
        quantize(model, "qat", inference_output_type="int8")
    quantize(model, "qat", inference_input_type="int8")

"""The types of graph inputs and outputs, and conversions that go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.ir import Model
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import AddOptions, NegOptions, Padding, Pool2DOptions, SoftmaxOptions

X = (1, 4, 4, 4)
BORDERS = ["float32", "int8", "uint8"]


def pool(stride: int) -> Pool2DOptions:
    return Pool2DOptions(padding=Padding.VALID, stride_w=stride, stride_h=stride, filter_width=2, filter_height=2)


def border_types(model: Model | None) -> tuple[list[str], list[str]]:
    assert model is not None
    tensors = model.main.tensors
    return [tensors[t].type.name for t in model.main.inputs], [tensors[t].type.name for t in model.main.outputs]


@pytest.mark.parametrize("source", BORDERS)
@pytest.mark.parametrize("result", BORDERS)
def test_every_pair_of_types(source: str, result: str) -> None:
    graph = FloatGraph()
    x = graph.op("ADD", [graph.input(X), graph.input(X)], X, options=AddOptions())
    model = graph.model(graph.op("SOFTMAX", [x], X, options=SoftmaxOptions(beta=1.0)), x)
    ours = check(model, inference_input_type=source, inference_output_type=result)
    assert border_types(ours) == ([source.upper()] * 2, [result.upper()] * 2)


@pytest.mark.parametrize("border", BORDERS)
def test_what_is_not_quantized_keeps_its_type(border: str) -> None:
    """An integer input; an input nobody reads; the result of a float operator, alone and read by another."""
    graph = FloatGraph()
    numbers, x = graph.input(X, np.int32), graph.input(X)
    graph.input(X)
    a = graph.op("CAST", [numbers], X, ranged=False)
    b = graph.op("NEG", [x], X, options=NegOptions())
    c = graph.op("NEG", [b], X, options=NegOptions())
    check(graph.model(a, b, c), inference_input_type=border, inference_output_type=border)


@pytest.mark.parametrize("border", BORDERS)
def test_a_float_operator_at_both_ends(border: str) -> None:
    graph = FloatGraph()
    y = graph.op("NEG", [graph.input(X)], X, options=NegOptions())
    check(graph.model(y), inference_input_type=border, inference_output_type=border)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("stride", [1, 2])
def test_a_smaller_result_is_dequantized_after_the_operator(border: str, stride: int) -> None:
    """MAX_POOL_2D is denied, but moves data only: where it shrinks them, it works on integers all the same."""
    graph = FloatGraph()
    shape = (1, 3, 3, 4) if stride == 1 else (1, 2, 2, 4)
    x: Any = graph.op("ADD", [graph.input(X), graph.random(1, 1, 1, 4)], X, options=AddOptions())
    x = graph.op("MAX_POOL_2D", [x], shape, options=pool(stride))
    y = graph.op("NEG", [x], shape, options=NegOptions())
    borders: dict[str, Any] = {"inference_input_type": border, "inference_output_type": border}
    ours = check(graph.model(y), denylisted_ops=["MAX_POOL_2D"], **borders)
    assert ours is not None
    names = [op.name for op in ours.main.operators]
    assert names.index("MAX_POOL_2D") < names.index("DEQUANTIZE")

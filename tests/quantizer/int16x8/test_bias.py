"""Biases that several operators read, and the options."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, converted, run_equal
from tflite_schema import AddOptions, Conv2DOptions, TensorType

X = (1, 4, 4, 2)
CONV = Conv2DOptions(stride_w=1, stride_h=1)


def two_readers(values: list[float]) -> Model:
    g = FloatGraph(4)
    bias = g.constant(values)
    x = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), bias], X, options=CONV)
    return g.model(g.op("CONV_2D", [x, g.random(2, 1, 1, 2), bias], X, options=CONV))


@pytest.mark.parametrize("bias_type", ["int64", "int32"])
def test_zeros_are_shared(bias_type: str) -> None:
    ours = check(two_readers([0, 0]), bias_type=bias_type)
    assert ours is not None
    assert run_equal(ours) > 0


def test_other_values_are_not() -> None:
    """TensorFlow leaves the second operator with the integers made for the first, off by the ratio of the scales."""
    model = two_readers([1, -2])
    theirs, ours = converted(model), quantize(model, "int16x8")
    assert [operator.inputs[2] for operator in theirs.main.operators if operator.name == "CONV_2D"] == [0, 0]
    first, second = (operator.inputs[2] for operator in ours.main.operators if operator.name == "CONV_2D")
    assert (first, ours.main.tensors[second].name) == (0, "constant0_duplicate_1")
    for index in (first, second):
        tensor = ours.main.tensors[index]
        integers, quant = ours.constant(tensor), tensor.quant
        assert integers is not None
        assert quant is not None
        assert np.allclose(integers * quant.scale, [1, -2], rtol=1e-4)
    assert run_equal(ours) > 0


@pytest.mark.parametrize(("bias_type", "wanted"), [("int64", TensorType.INT64), ("int32", TensorType.INT32)])
def test_options_of_all_operators(bias_type: str, wanted: TensorType) -> None:
    """Those in float too."""
    g = FloatGraph()
    x = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), g.random(2)], X, options=CONV)
    model = g.model(g.op("ADD", [x, x], X, options=AddOptions(pot_scale_int16=True)))
    for denied in ([], ["CONV_2D", "ADD"]):
        ours = quantize(model, "int16x8", bias_type=bias_type, denylisted_ops=denied)
        conv, add = (op.options for op in ours.main.operators if op.name in ("CONV_2D", "ADD"))
        assert conv.quantized_bias_type == wanted
        assert add.pot_scale_int16 is False

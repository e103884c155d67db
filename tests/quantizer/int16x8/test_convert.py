"""The walk: what is inserted where, and under which name."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import CalibrationError, QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import Refused, check, converted, is_broken, run_equal
from tflite_schema import AddOptions, ArgMaxOptions, Conv2DOptions, NegOptions, TensorType

X = (1, 4, 4, 2)


def steps(model: Model | None) -> list[str]:
    assert model is not None
    return [f"{op.name} {model.main.tensors[op.outputs[0]].name}" for op in model.main.operators]


def test_each_use_has_a_conversion_of_its_own() -> None:
    g = FloatGraph()
    x = g.op("RELU", [g.input(X)], X)
    a, b = g.op("NEG", [x], X, options=NegOptions()), g.op("SIN", [x], X)
    sums = [g.op("ADD", [a, a], X, options=AddOptions()), g.op("ADD", [a, b], X, options=AddOptions())]
    ours = check(g.model(*sums))
    assert steps(ours) == [
        "QUANTIZE input0_int16",
        "RELU relu_0",
        "DEQUANTIZE relu_0_float",
        "NEG neg_1",
        "DEQUANTIZE relu_0_float",
        "SIN sin_2",
        "QUANTIZE neg_1_int16",
        "QUANTIZE neg_1_int16",
        "ADD add_3_int16",
        "QUANTIZE neg_1_int16",
        "QUANTIZE sin_2_int16",
        "ADD add_4_int16",
        "DEQUANTIZE add_3",
        "DEQUANTIZE add_4",
    ]


@pytest.mark.parametrize("constant", [False, True])
def test_operators_in_float_may_come_before_those_in_integers(constant: bool) -> None:
    """TensorFlow writes no DEQUANTIZE for them, and a file that does not load."""
    g = FloatGraph()
    x = g.random(*X) if constant else g.input(X)
    sines = g.op("SIN", [x], X)
    model = g.model(sines, g.op("ADD", [g.input(X), x], X, options=AddOptions()))
    theirs = converted(model)
    assert is_broken(theirs)
    with pytest.raises(Refused):
        run_equal(theirs)
    ours = check(model)
    assert [step for step in steps(ours) if "_float" in step] == [
        f"DEQUANTIZE {'constant0' if constant else 'input0'}_float"
    ]
    assert ours is not None
    assert run_equal(ours) > 0


def test_operators_on_integers_are_left_alone() -> None:
    g = FloatGraph()
    x = g.op("RELU", [g.input(X)], X)
    index = g.op("ARG_MAX", [x, g.constant(3, np.int32)], X[:3], options=ARG_MAX, dtype=np.int32)
    top = g.op("MAXIMUM", [index, g.constant(1, np.int32)], X[:3], dtype=np.int32)
    ours = check(g.model(top, x))
    assert ours is not None
    assert ours.main.tensors[top].type == TensorType.INT32


ARG_MAX = ArgMaxOptions(output_type=TensorType.INT32)


@pytest.mark.parametrize("missing", ["input0", "relu_0"])
def test_missing_ranges(missing: str) -> None:
    g = FloatGraph()
    model = g.model(g.op("RELU", [g.input(X)], X))
    for tensor in model.main.tensors:
        if tensor.name == missing:
            tensor.quant = None
    with pytest.raises(
        CalibrationError, match=f"inputs missing statistics: subgraph 0, operator 0 RELU needs .*{missing}"
    ):
        quantize(model, "int16x8")
    with pytest.raises(RuntimeError):
        converted(model)


@pytest.mark.parametrize("bounds", [(np.nan, 1.0), (2.0, 1.0), (0.0, np.inf)])
def test_ranges_that_are_none(bounds: tuple[float, float]) -> None:
    g = FloatGraph()
    model = g.model(g.op("RELU", [g.input(X)], X))
    with pytest.raises(CalibrationError, match="tensor 'input0': the range"):
        quantize(model, "int16x8", {"input0": bounds, "relu_0": (0, 1)})


def test_a_model_that_is_quantized_already() -> None:
    g = FloatGraph()
    ours = quantize(g.model(g.op("RELU", [g.input(X)], X)), "int16x8")
    with pytest.raises(QuantizationError, match="the model is already quantized: subgraph 0, tensor 0 'input0_int16'"):
        quantize(ours, "int16x8")


def test_a_constant_has_the_type_its_first_reader_gives_it() -> None:
    """A weight that is read as an ordinary operand first is int16, and no convolution runs it."""
    g = FloatGraph()
    weight = g.random(2, 1, 1, 2)
    summed = g.op("ADD", [g.input((2, 1, 1, 2)), weight], (2, 1, 1, 2), options=AddOptions())
    options = Conv2DOptions(stride_w=1, stride_h=1)
    y = g.op("CONV_2D", [g.input(X), weight, g.constant([0, 0])], X, options=options)
    assert check(g.model(summed, y), per_channel=False) is None

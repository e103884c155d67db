"""What is written into the float model first."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.int16x8.prepare import separate_buffers
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, run_equal
from tflite_schema import AddOptions, Conv2DOptions, FullyConnectedOptions

X = (1, 4, 4, 2)
CONV = Conv2DOptions(stride_w=1, stride_h=1)


def test_shared_buffers_are_separated_and_shared_again() -> None:
    """TensorFlow's quantizer would read integers for floats here; its converter shares buffers at the end only."""
    g = FloatGraph()
    values = g.rng.normal(size=4).astype(np.float32)
    x = g.op("ADD", [g.input((1, 4)), g.constant(values)], (1, 4), options=AddOptions())
    y = g.op("FULLY_CONNECTED", [x, g.random(4, 4), g.constant(values)], (1, 4), options=FullyConnectedOptions())
    z = g.op("ADD", [y, g.constant(values)], (1, 4), options=AddOptions())
    model = g.model(z)
    constants = [t for t in model.main.tensors if model.is_constant(t) and t.shape == (4,)]
    for tensor in constants:
        tensor.buffer = constants[0].buffer
    apart = model.copy()
    separate_buffers(apart)
    assert len({tensor.buffer for tensor in apart.main.tensors if apart.is_constant(tensor)}) == 4
    ours = check(model)
    assert ours is not None
    assert run_equal(ours) > 0


@pytest.mark.parametrize("name", ["ADD", "PRELU"])
def test_a_bias_that_is_an_operand_too_is_copied(name: str) -> None:
    g = FloatGraph(1)
    bias = g.random(2)
    x = g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), bias], X, options=CONV)
    other = g.op("CONV_2D", [x, g.random(2, 1, 1, 2), bias], X, options=CONV)
    y = g.op(name, [other, bias], X, options=AddOptions() if name == "ADD" else None)
    ours = check(g.model(y))
    assert ours is not None
    names = [tensor.name for tensor in ours.main.tensors]
    assert [n for n in names if "_duplicate_" in n] == ["constant0_duplicate_1", "constant0_duplicate_2"]
    assert run_equal(ours) > 0


@pytest.mark.parametrize("bias", [[np.nan, 0], [np.inf, 0]])
def test_no_scale_of_nothing(bias: list[float]) -> None:
    g = FloatGraph()
    model = g.model(g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), g.constant(bias)], X, options=CONV))
    with pytest.raises(QuantizationError, match="operator 0 CONV_2D: its bias holds NaN or infinity"):
        quantize(model, "int16x8")
    model = g.model(g.op("ADD", [0, g.constant(bias)], X, options=AddOptions()))
    del model.main.operators[0]
    with pytest.raises(QuantizationError, match="operator 0 ADD: its constant 'constant4' holds NaN or infinity"):
        quantize(model, "int16x8")
    assert quantize(model, "int16x8", denylisted_ops=["ADD"])


def test_biases_that_are_no_vectors() -> None:
    g = FloatGraph()
    model = g.model(g.op("CONV_2D", [g.input(X), g.random(2, 1, 1, 2), g.random(1, 2)], X, options=CONV))
    with pytest.raises(QuantizationError, match=r"CONV_2D: the bias has shape \[1, 2\], the weight 2 channels"):
        quantize(model, "int16x8")


def test_constants_of_operators_that_only_int8_knows_get_a_range() -> None:
    g = FloatGraph()
    ours = check(g.model(g.op("PRELU", [g.input(X), g.random(1, 1, 2)], X)))
    assert ours is not None
    quant = ours.main.tensors[1].quant
    assert quant is not None
    assert quant.min is not None
    assert not quant.is_quantized

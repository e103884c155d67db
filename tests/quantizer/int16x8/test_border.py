"""Inputs, outputs and signatures."""

from __future__ import annotations

import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, run_equal
from tflite_schema import AddOptions, NegOptions, SignatureDef, TensorMap

X = (2, 3)
BORDERS = ["float32", "int16"]


def signed() -> Model:
    """Two inputs, two outputs of which one is an input, dynamic shapes, and a signature."""
    g = FloatGraph()
    a, b = g.input(X, signature=(-1, 3)), g.input(X)
    y = g.op("ADD", [a, b], X, options=AddOptions())
    model = g.model(y, a)
    entries = [TensorMap(name="sum", tensor_index=y), TensorMap(name="same", tensor_index=a)]
    inputs = [TensorMap(name="b", tensor_index=b), TensorMap(name="a", tensor_index=a)]
    model.signatures = [SignatureDef(inputs=inputs, outputs=entries, signature_key="serve", subgraph_index=0)]
    return load(to_bytes(model))


@pytest.mark.parametrize("source", BORDERS)
@pytest.mark.parametrize("result", BORDERS)
def test_every_combination(source: str, result: str) -> None:
    ours = check(signed(), inference_input_type=source, inference_output_type=result)
    assert ours is not None
    types = [ours.main.tensors[index].type.name.lower() for index in (*ours.main.inputs, *ours.main.outputs)]
    assert types == [source] * 2 + [result] * 2
    assert run_equal(ours) > 0


def test_what_stays_float_cannot_be_int16() -> None:
    g = FloatGraph()
    model = g.model(g.op("NEG", [g.op("RELU", [g.input(X)], X)], X, options=NegOptions()))
    assert quantize(model, "int16x8", inference_input_type="int16")
    with pytest.raises(QuantizationError, match="inference_output_type is int16, but tensor 2 'neg_1' stays float32"):
        quantize(model, "int16x8", inference_output_type="int16")


@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_other_types(name: str) -> None:
    with pytest.raises(QuantizationError, match=f"inference_input_type is {name}; it can be float32, int16"):
        quantize(signed(), "int16x8", inference_input_type=name)

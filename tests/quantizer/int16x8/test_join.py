"""Operators that join values take the scale of their result."""

from __future__ import annotations

import pytest

from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, run_equal
from tflite_schema import AddOptions, ConcatenationOptions, PackOptions

X = (1, 4, 4, 2)


def test_requantized_operands_come_in_reverse() -> None:
    g = FloatGraph(2)
    operands = [g.input(X), g.random(*X), g.input(X)]
    both = g.op("CONCATENATION", [*operands, operands[0]], (1, 4, 4, 8), options=ConcatenationOptions(axis=3))
    ours = check(g.model(both, g.op("MAXIMUM", [operands[0], operands[2]], X)))
    assert ours is not None
    names = [ours.main.tensors[op.outputs[0]].name for op in ours.main.operators if op.name == "QUANTIZE"]
    assert names[2:5] == ["input0_requantized", "input1_requantized", "input0_requantized"]
    assert run_equal(ours) > 0


@pytest.mark.parametrize("name", ["MAXIMUM", "MINIMUM", "PACK", "CONCATENATION"])
@pytest.mark.parametrize("shared", [False, True])
def test_constants(name: str, shared: bool) -> None:
    """One that only this operator reads is quantized again, one with other readers gets a QUANTIZE."""
    g = FloatGraph(3)
    x, constant = g.input(X), g.random(*X)
    options = {"PACK": PackOptions(values_count=2), "CONCATENATION": ConcatenationOptions(axis=0)}
    shapes = {"PACK": (2, *X), "CONCATENATION": (2, *X[1:])}
    y = [g.op(name, [constant, x], shapes.get(name, X), options=options.get(name))]
    if shared:
        y.append(g.op("ADD", [x, constant], X, options=AddOptions()))
    ours = check(g.model(*y))
    assert ours is not None
    assert (
        any(tensor.name.endswith("requantized") and "constant" in tensor.name for tensor in ours.main.tensors) == shared
    )
    assert run_equal(ours) > 0


def test_operands_of_the_same_scale_are_read_as_they_are() -> None:
    g = FloatGraph(span=(-1.0, 1.0))
    ours = check(g.model(g.op("MINIMUM", [g.input(X), g.input(X)], X)))
    assert ours is not None
    assert [operator.name for operator in ours.main.operators] == ["QUANTIZE", "QUANTIZE", "MINIMUM", "DEQUANTIZE"]

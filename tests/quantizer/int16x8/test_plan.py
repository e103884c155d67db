"""Which operators compute in integers, and which of their tensors that concerns."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.ir import Operator
from qcore.quantizer import quantize
from qcore.quantizer.int16x8.plan import Plan, make_plan
from qcore.quantizer.recipe import Recipe
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import converted
from tflite_schema import AddOptions, BuiltinOperator, NegOptions, PackOptions, StridedSliceOptions

X = (2, 3)


def plan_of(g: FloatGraph, *outputs: int, **recipe: object) -> Plan:
    return make_plan(g.model(*outputs), Recipe("mine", "int16x8", **recipe))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "operands", "quantized", "joins"),
    [
        ("ADD", 2, [0, 1], False),
        ("CONV_2D", 3, [0, 1], False),
        ("TRANSPOSE_CONV", 4, [1, 2], False),
        ("CONCATENATION", 3, [0, 1, 2], True),
        ("PACK", 2, [0, 1], True),
        ("SELECT", 3, [1, 2], False),
        ("PADV2", 3, [0], False),
        ("SPLIT", 2, [1], False),
        ("SHAPE", 1, [0], False),
        ("CUSTOM", 1, [0], False),
    ],
)
def test_operands(code: str, operands: int, quantized: list[int], joins: bool) -> None:
    plan = plan_of(FloatGraph())
    operator = Operator(BuiltinOperator[code], tuple(range(operands)), (operands,))
    assert plan.operands(operator) == quantized
    assert plan.joins(operator) == joins


def test_what_computes_in_integers() -> None:
    g = FloatGraph()
    x = g.input(X)
    added, negated = g.op("ADD", [x, x], X, options=AddOptions()), g.op("NEG", [x], X, options=NegOptions())
    indices = g.op("PACK", [g.constant(1, np.int32)], (1,), options=PackOptions(values_count=1), dtype=np.int32)
    plan = plan_of(g, added, negated, indices)
    assert [plan.is_integer(*step) for step in plan.walk()] == [True, False, False]
    assert [plan.is_real(operator) for _, operator in plan.walk()] == [True, True, False]


@pytest.mark.parametrize("recipe", [{"denylisted_ops": ["ADD"]}, {"denylisted_nodes": ["add_0"]}])
def test_what_is_denied_is_not(recipe: dict[str, list[str]]) -> None:
    g = FloatGraph()
    plan = plan_of(g, g.op("ADD", [g.input(X), g.input(X)], X, options=AddOptions()), **recipe)
    assert not any(plan.is_integer(*step) for step in plan.walk())


def test_an_operator_on_integers_with_the_name_of_another_on_real_numbers() -> None:
    """TensorFlow cannot tell the two apart, and asks for the range of integers."""
    g = FloatGraph()
    begin, end, strides = (g.constant([value], np.int32) for value in (0, 1, 1))
    parts = [g.input((2,), np.int32), begin, end, strides]
    sliced = g.op("STRIDED_SLICE", parts, (1,), options=StridedSliceOptions(), dtype=np.int32)
    y = g.op("ADD", [g.input(X), g.input(X)], X, options=AddOptions())
    g.graph.tensors[sliced].name = g.graph.tensors[y].name
    plan = plan_of(g, sliced, y)
    assert [plan.is_integer(*step) for step in plan.walk()] == [False, True]
    with pytest.raises(RuntimeError):
        converted(g.model(sliced, y))
    assert quantize(g.model(sliced, y), "int16x8")

"""Which ranges count where operands and results share one scale."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import CalibrationError
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.full_integer.ranges import types_from_ranges
from qcore.quantizer.recipe import RECIPES
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import ConcatenationOptions, NegOptions, Padding, Pool2DOptions, SoftmaxOptions

X = (1, 4, 4, 4)
POOL = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)


def plan_of(graph: FloatGraph, *outputs: int) -> Plan:
    model = graph.model(*outputs)
    check(model)
    return make_plan(model, 0, RECIPES["int8"])


def counted(plan: Plan) -> set[int]:
    everything = dict.fromkeys(range(len(plan.graph.tensors)), (-1.0, 1.0))
    return set(types_from_ranges(plan, everything))


def test_forward_through_one_operand() -> None:
    graph = FloatGraph()
    x = graph.input(X)
    y = graph.op("MAX_POOL_2D", [x], X, options=POOL)
    assert counted(plan_of(graph, graph.op("AVERAGE_POOL_2D", [y], X, options=POOL))) == {x}


def test_backward_through_several_operands() -> None:
    graph = FloatGraph()
    a = graph.op("MAX_POOL_2D", [graph.input(X)], X, options=POOL)
    y = graph.op("CONCATENATION", [a, graph.input(X)], (1, 4, 4, 8), options=ConcatenationOptions(axis=3))
    assert counted(plan_of(graph, y)) == {y}


def test_fixed_results_have_no_range() -> None:
    graph = FloatGraph()
    x = graph.input(X)
    y = graph.op("SOFTMAX", [x], X, options=SoftmaxOptions(beta=1.0))
    z = graph.op("NEG", [y], X, options=NegOptions())
    assert counted(plan_of(graph, z)) == {x, z}


@pytest.mark.parametrize("bounds", [(np.nan, 1.0), (0.0, np.inf), (1.0, -1.0)])
def test_bad_ranges_are_refused(bounds: tuple[float, float]) -> None:
    graph = FloatGraph()
    x = graph.input(X)
    plan = make_plan(graph.model(graph.op("LOGISTIC", [x], X)), 0, RECIPES["int8"])
    with pytest.raises(CalibrationError, match=r"tensor 0 'input0': the range .* is not finite with min <= max"):
        types_from_ranges(plan, {x: bounds})

"""The stages in a row: the model given stays, a stage may refuse, and pairs that last stay where they stood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer.full_integer.choose import Choice
from qcore.quantizer.full_integer.pipeline import build
from qcore.quantizer.full_integer.plan import Pair, Plan, make_plan
from qcore.quantizer.full_integer.solve import Solution, solve
from qcore.quantizer.quantized_type import QuantizedType, activation_type
from qcore.quantizer.recipe import RECIPES
from qcore.tflite import to_bytes
from tests.quantizer.converter import FloatGraph
from tflite_schema import NegOptions

X = (1, 4)


def model() -> Model:
    graph = FloatGraph()
    x = graph.op("NEG", [graph.input(X)], X, options=NegOptions())
    return graph.model(graph.op("NEG", [x], X, options=NegOptions()))


def solved(source: Model, subgraph: int) -> tuple[Plan, Solution]:
    plan = make_plan(source, subgraph, RECIPES["int8"])
    return plan, solve(plan, {1: activation_type(np.float32(-1), np.float32(1))})


def test_a_stage_may_refuse_and_the_model_given_stays() -> None:
    floats = model()
    before = to_bytes(floats)

    def refuse(plan: Plan, solution: Solution, choice: Choice) -> None:
        raise QuantizationError(f"{len(solution.types)} types, {len(choice.integer)} operators in integers")

    with pytest.raises(QuantizationError, match="1 types, 0 operators"):
        build(floats, RECIPES["int8"], solved, refuse)
    assert [operator.name for operator in build(floats, RECIPES["int8"], solved).main.operators] == ["NEG", "NEG"]
    assert to_bytes(floats) == before


def test_a_pair_between_operators_in_float_lasts() -> None:
    """A range alone gives no conversions where nothing computes in integers; what training put there stays."""
    tensor = model().main.tensors[1]
    pair = Pair(QuantizedType((0.5,), (3,)), 1, replace(tensor, name="integers"), replace(tensor, name="floats"))

    def with_pair(source: Model, subgraph: int) -> tuple[Plan, Solution]:
        plan = make_plan(source, subgraph, RECIPES["int8"], pairs={1: pair})
        solution = solve(plan, {1: pair.type})
        solution.lasting = frozenset({1})
        return plan, solution

    graph = build(model(), RECIPES["int8"], with_pair).main
    assert [operator.name for operator in graph.operators] == ["NEG", "QUANTIZE", "DEQUANTIZE", "NEG"]
    assert [graph.tensors[operator.outputs[0]].name for operator in graph.operators[1:3]] == ["integers", "floats"]

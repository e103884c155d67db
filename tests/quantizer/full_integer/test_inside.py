"""The types of states and of what is inside a recurrent operator; that they are the converter's: test_recurrent.py."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import CalibrationError
from qcore.quantizer.full_integer.inside import missing_inside, types_inside
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.quantized_type import activation_type
from qcore.quantizer.recipe import RECIPES
from tests.quantizer.converter import FloatGraph
from tests.quantizer.recurrent import FORMS, Form, lstm, svdf
from tflite_schema import TensorType

NORMALIZED = FORMS["layer norm"]


def bounds(low: float, high: float) -> tuple[np.float32, np.float32]:
    return np.float32(low), np.float32(high)


def plan_of(form: Form) -> tuple[Plan, int, int, int, tuple[int, ...]]:
    """A plan, and of its LSTM the output state, the cell state, the result and the intermediate tensors."""
    graph = FloatGraph()
    model = graph.model(lstm(graph, graph.input((2, 3, 4)), form))
    operator = model.main.operators[0]
    state, cell = operator.inputs[18:20]
    return make_plan(model, 0, RECIPES["int8"]), state, cell, operator.outputs[0], operator.intermediates


def test_the_output_state_and_the_result_share_the_union_of_their_ranges() -> None:
    plan, state, _, result, _ = plan_of(FORMS["plain"])
    ranges = {state: bounds(-1, 2), result: bounds(-3, 1)}
    types = types_inside(plan, ranges, {result: activation_type(-3, 1)})
    assert types[state] == types[result] == activation_type(-3, 2)


def test_a_result_whose_range_does_not_count_leaves_the_state_its_own() -> None:
    plan, state, _, result, _ = plan_of(FORMS["plain"])
    types = types_inside(plan, {state: bounds(-1, 2), result: bounds(-3, 1)}, {})
    assert types == {state: activation_type(-1, 2)}


def test_the_scale_of_the_cell_state_is_a_power_of_two() -> None:
    plan, _, cell, _, _ = plan_of(FORMS["plain"])
    for high, scale in ((0.9, 2.0**-15), (1.0, 2.0**-15), (1.1, 2.0**-14), (63.0, 2.0**-9)):
        found = types_inside(plan, {cell: bounds(-0.5, high)}, {})[cell]
        assert (found.scale, found.zero_point, found.type) == ((scale,), (0,), TensorType.INT16)


def test_gates_have_types_with_layer_normalization_only() -> None:
    plan, *_, intermediates = plan_of(NORMALIZED)
    ranges = dict.fromkeys(intermediates, bounds(-2, 4))
    types = types_inside(plan, ranges, {})
    assert [types[t].type.name for t in intermediates] == ["INT16"] * 4 + ["INT8"]
    assert types[intermediates[0]].scale == (8 / 65534,)
    plain, *_, others = plan_of(FORMS["plain"])
    assert list(types_inside(plain, dict.fromkeys(others, bounds(-2, 4)), {})) == [others[4]]


def test_the_state_of_svdf() -> None:
    graph = FloatGraph()
    model = graph.model(svdf(graph, graph.input((2, 4))))
    state = model.main.operators[0].inputs[4]
    types = types_inside(make_plan(model, 0, RECIPES["int8"]), {state: bounds(-1, 3)}, {})
    assert types[state].scale == (float(np.float32(6) / np.float32(65534)),)


def test_what_is_missing() -> None:
    plan, state, cell, _, intermediates = plan_of(NORMALIZED)
    assert missing_inside(plan, 0, {}) == [state, cell, *intermediates]
    assert missing_inside(plan, 0, {state: activation_type(0, 1)}) == [cell, *intermediates]
    cifg, *_, others = plan_of(FORMS["cifg layer norm"])
    assert missing_inside(cifg, 0, {})[2:] == list(others[1:])


def test_a_range_that_is_none() -> None:
    plan, _, cell, _, _ = plan_of(FORMS["plain"])
    with pytest.raises(CalibrationError, match=r"tensor 14 'state14': the range 0\.0 to inf is not finite"):
        types_inside(plan, {cell: bounds(0, np.inf)}, {})

"""Every explained number is the kernel's own, and its products and errors add up."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qcore.auditor.explainer import explain
from qcore.errors import ShapeError
from qcore.interpreter import Interpreter
from tests.auditor.cases import dense
from tests.one_op import OneOp
from tests.ops import (
    test_add,
    test_batch_matmul,
    test_conv_2d,
    test_depthwise_conv_2d,
    test_fully_connected,
    test_leaky_relu,
    test_mean,
    test_mul,
    test_softmax,
    test_transpose_conv,
)

PRODUCTS = [test_conv_2d, test_depthwise_conv_2d, test_fully_connected, test_transpose_conv, test_batch_matmul]
OTHERS = [test_add, test_mul, test_mean, test_leaky_relu, test_softmax]
TYPES = ("int8", "uint8", "int16")


def cases(modules: list[Any]) -> list[Any]:
    return [
        pytest.param(module.CASES[name], id=f"{module.__name__[15:]}-{name}")
        for module in modules
        for name in TYPES
        if name in module.CASES
    ]


def element(data: st.DataObject, shape: tuple[int, ...]) -> tuple[int, ...]:
    assume(min(shape, default=1) > 0)
    return tuple(data.draw(st.integers(0, size - 1)) for size in shape)


@pytest.mark.parametrize("strategy", cases(PRODUCTS))
@given(data=st.data())
def test_products_and_errors_add_up(strategy: st.SearchStrategy[OneOp], data: st.DataObject) -> None:
    case = data.draw(strategy)
    y = Interpreter(case.model()).run(case.feeds())[0]
    e = explain(case.model(), case.feeds(), 0, at := element(data, y.shape))
    assert e.value == y[at]
    steps = {step.name: step for step in e.steps}
    assert e.taps is not None
    assert e.taps.total == steps["accumulate"].value
    rounding = steps["requantize"].rounding
    assert rounding is not None
    assert e.errors["multiplier"] + e.errors["rounding"] + e.errors["clamp"] == pytest.approx(
        e.value - case.results[0].zero_point - float(rounding.exact) + e.errors["multiplier"]
    )
    if abs(rounding.exact) < 2**30 and abs(steps["add_bias"].value) < 2**22:
        off = abs(Fraction(steps["requantize"].value) - rounding.exact)
        assert off <= Fraction(3, 4) + abs(rounding.exact) / Fraction(2**14)  # rounded twice: 1/2 and 1/4
    json.dumps(e.as_json())


@pytest.mark.parametrize("strategy", cases(OTHERS))
@given(data=st.data())
def test_other_operators_show_their_steps(strategy: st.SearchStrategy[OneOp], data: st.DataObject) -> None:
    case = data.draw(strategy)
    y = Interpreter(case.model()).run(case.feeds())[0]
    e = explain(case.model(), case.feeds(), 0, at := element(data, y.shape))
    assert e.value == y[at]
    assert e.taps is None
    json.dumps(e.as_json())


def test_places_that_do_not_exist_are_refused() -> None:
    case = dense(585)
    with pytest.raises(ShapeError, match="no operator 7"):
        explain(case.model(), case.feeds(), 7)
    with pytest.raises(ShapeError, match="no element"):
        explain(case.model(), case.feeds(), 0, (0, 5))

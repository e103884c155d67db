from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tests.stablehlo import region, values
from tflite_schema import AddOptions, BuiltinOperator, MulOptions, StablehloReduceWindowOptions

CODE = BuiltinOperator.STABLEHLO_REDUCE_WINDOW
TYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
BODIES: dict[BuiltinOperator, Any] = {
    BuiltinOperator.STABLEHLO_ADD: None,
    BuiltinOperator.STABLEHLO_MULTIPLY: None,
    BuiltinOperator.STABLEHLO_MAXIMUM: None,
    BuiltinOperator.STABLEHLO_MINIMUM: None,
    BuiltinOperator.ADD: AddOptions(),
    BuiltinOperator.MUL: MulOptions(),
}
SUMS = (BuiltinOperator.ADD, BuiltinOperator.STABLEHLO_ADD)


def options(**values: Any) -> StablehloReduceWindowOptions:
    arrays: dict[str, Any] = {name: np.array(value, np.int64) for name, value in values.items()}
    return StablehloReduceWindowOptions(**arrays, body_subgraph_index=1)


@st.composite
def reduce_window(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5, 4))
    rank = len(shape)

    def integers(low: int, high: int, count: int = rank) -> Any:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    chosen = {"window_dimensions": integers(1, 3)}
    steps, pads = [1] * rank, [0] * (2 * rank)
    if draw(st.booleans()):
        chosen["window_strides"] = integers(1, 3)
    if draw(st.booleans()):
        chosen["window_dilations"] = integers(1, 2)
    if draw(st.booleans()):
        chosen["base_dilations"] = steps = integers(1, 3)
    if draw(st.booleans()):
        chosen["padding"] = pads = integers(draw(st.sampled_from([0, -2])), 2, 2 * rank)
    padded = [(size - 1) * step + 1 for size, step in zip(shape, steps, strict=True)]
    assume(all(size + low + high > 0 for size, low, high in zip(padded, pads[::2], pads[1::2], strict=True)))
    x = draw(movement.operand(shape, dtype))
    init = Operand(draw(movement.values((), dtype)), x.scale, x.zero_point, constant=draw(st.booleans()))
    operands = [Operand(draw(values(shape, dtype)), x.scale, x.zero_point), init]
    body = draw(st.sampled_from([code for code in BODIES if dtype is not np.bool_ or code not in SUMS]))
    graph = region(body, dtype, BODIES[body])
    return OneOp(CODE, operands, [movement.like(x)], options(**chosen), graphs=[graph])


CASES = movement.cases(reduce_window, *TYPES)
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(1, 4, dtype=np.int8))


def model(body: BuiltinOperator | None = BuiltinOperator.STABLEHLO_ADD, x: Operand = X, **chosen: Any) -> OneOp:
    dtype = x.value.dtype
    operands = [x, constant(0, dtype)]
    graph = region(body, dtype, None if body is None else BODIES[body])
    return OneOp(CODE, operands, [movement.like(x)], options(**chosen), graphs=[graph])


def test_by_hand() -> None:
    case = model(window_dimensions=[2], base_dilations=[2], padding=[1, 0], window_dilations=[2])
    assert check(case) == 4
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [0, 3, 0, 5]


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.bool_, np.float32])
def test_both(dtype: Any) -> None:
    x = np.array([1, 2, 0, 3, 4, 5], np.int8).astype(dtype)
    graph = region(BuiltinOperator.STABLEHLO_AND, dtype)
    for init in (0, 1):
        operands, results = [Operand(x), constant(init, dtype)], [movement.like(Operand(x))]
        case = OneOp(CODE, operands, results, options(window_dimensions=[2]), graphs=[graph], optimized=True)
        assert check(case) == 5


def test_crops() -> None:
    """Among them one that gives dilated data the shape the operand had."""
    for low in range(-4, 3):
        for high in range(-4, 3):
            if 5 + low + high > 0:
                check(model(window_dimensions=[1], base_dilations=[2], padding=[low, high]))


def test_refusals() -> None:
    refused(model(window_dimensions=[1], padding=[-2, -1]), "leaves shape")
    refused(model(window_dimensions=[0]), "window .* above 0")
    refused(model(window_dimensions=[1], window_strides=[0]), "window strides .* above 0")
    refused(model(window_dimensions=[1], base_dilations=[0]), "base_dilations .* above 0")
    refused(model(window_dimensions=[1], window_strides=[1, 1]), "window_strides has 2 values, expected 1")
    refused(model(window_dimensions=[1], padding=[1]), "padding has 1 values, expected 2")
    refused(model(None, window_dimensions=[1]), "reduced by an empty graph")
    alone = model(window_dimensions=[1])
    refused(OneOp(CODE, alone.operands, alone.results, alone.options), "subgraph 1 does not exist")
    refused(model(window_dimensions=[2**40]), "windows of 1099511627776 elements", theirs=False)
    refused(model(window_dimensions=[1], padding=[2**40, 0]), "too large", theirs=False)
    many = Operand(np.zeros((1,) * 7, np.int8))
    refused(model(x=many, window_dimensions=[1] * 7), "7 dimensions")

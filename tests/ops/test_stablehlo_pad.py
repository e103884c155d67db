from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import COMPLEX, FLOATS, INTEGERS
from tflite_schema import BuiltinOperator, StablehloPadOptions

CODE = BuiltinOperator.STABLEHLO_PAD


def options(low: Any, high: Any, interior: Any) -> StablehloPadOptions:
    return StablehloPadOptions(
        edge_padding_low=np.array(low, np.int64),
        edge_padding_high=np.array(high, np.int64),
        interior_padding=np.array(interior, np.int64),
    )


@st.composite
def pad(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(st.one_of(movement.shape(1, 4, 4), movement.shape(5, 6, 2)))
    rank = len(shape)

    def integers(low: int, high: int) -> Any:
        return draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank))

    fewest = draw(st.sampled_from([0, 0, -2, -7]))
    most = draw(st.sampled_from([0, 1, 4])) if rank < 4 else 1
    chosen = options(integers(fewest, 3), integers(fewest, 3), integers(0, most))
    x = draw(movement.operand(shape, dtype))
    value = Operand(draw(movement.values((), dtype)), x.scale, x.zero_point, constant=draw(st.booleans()), type=x.type)
    return OneOp(CODE, [x, value], [movement.like(x)], chosen)


CASES = movement.cases(pad, *FLOATS, *INTEGERS, *COMPLEX, "bfloat16")
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(1, 4, dtype=np.int32))


def model(low: Any, high: Any, interior: Any, x: Operand = X, value: Any = 9) -> OneOp:
    padding = constant(value, x.value.dtype)
    return OneOp(CODE, [x, padding], [movement.like(x)], options(low, high, interior))


@pytest.mark.parametrize("low", range(-12, 4))
@pytest.mark.parametrize("interior", [0, 1, 3])
def test_every_crop(low: int, interior: int) -> None:
    for high in range(-12, 4):
        case = model([low], [high], [interior])
        assert check(case) == max(0, low + high + 3 + 2 * interior)


def test_by_hand() -> None:
    case = model([-1], [2], [3])
    assert check(case) == 10
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [9, 9, 9, 2, 9, 9, 9, 3, 9, 9]


def test_one_empty_dimension_empties_all() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    case = model([0, -2], [0, -1], [0, 0], x)
    assert check(case) == 0
    assert Interpreter(case.model()).run(case.feeds())[0].shape == (0, 0)


def test_an_empty_operand_leaves_the_padding() -> None:
    assert check(model([2, 0], [1, 1], [0, 1], Operand(np.zeros((0, 3), np.float32)))) == 18


def test_refusals() -> None:
    refused(model([0, 0], [0], [0]), "edge_padding_low has 2 values, expected 1")
    refused(model([0], [0], [-1]), "is negative", theirs=False)
    refused(model([0], [3], [1], Operand(np.zeros(0, np.int32))), "in an empty dimension", theirs=False)
    refused(model([0], [0], [0], value=[1, 2]), "expected one element", theirs=False)
    refused(model([], [], [], Operand(np.zeros((), np.int32))), "0 dimensions", theirs=False)
    wrong = OneOp(CODE, [X, constant(0, np.int64)], [Result(np.int32)], options([0], [0], [0]))
    refused(wrong, "must have one type")

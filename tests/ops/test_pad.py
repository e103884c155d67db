from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, PadOptions


def paddings(rank: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    sides = st.sampled_from([0, 0, 1, 2, 3])
    return st.lists(st.tuples(sides, sides), min_size=rank, max_size=rank)


def paddings_operand(draw: st.DrawFn, rank: int, fed: bool) -> Operand:
    table = np.array(draw(paddings(rank))).reshape(rank, 2)
    return draw(movement.indices(table, (np.int32, np.int64), fed))


@st.composite
def pad(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = draw(movement.shape(1, 5, 4, empty=not fed))
    x = draw(movement.operand(shape, dtype))
    y = movement.like(x)
    if dtype in (np.int8, np.uint8) and draw(st.booleans()):
        y = Result(dtype, draw(strategies.scales()), draw(strategies.zero_points(dtype)))
    return OneOp(BuiltinOperator.PAD, [x, paddings_operand(draw, len(shape), fed)], [y], PadOptions())


CASES = movement.cases(pad, *COMMON, "bool", "float16", "bfloat16")
test_matches_reference = matches_reference(CASES)


def model(x: Any, table: Any, result: Result | None = None) -> OneOp:
    value = x if isinstance(x, Operand) else Operand(np.asarray(x))
    return OneOp(BuiltinOperator.PAD, [value, constant(table)], [result or Result(value.value.dtype)], PadOptions())


def test_the_zero_of_an_integer_tensor_is_its_zero_point() -> None:
    case = model(Operand(np.array([5, 6], np.int8), 0.5, -3), [[1, 2]], Result(np.int8, 0.5, -3))
    assert check(case) == 5


def test_int8_without_parameters_is_padded_with_zero() -> None:
    assert check(model(Operand(np.array([5], np.int8)), [[1, 1]], Result(np.int8, 0.5, -3))) == 3


def test_a_scalar_stays_what_it_is() -> None:
    assert check(model(np.float32(7), np.zeros((0, 2)))) == 1


def test_refusals() -> None:
    x = np.zeros((2, 3), np.float32)
    refused(model(x, [[0, 1]]), r"operator 0 PAD: paddings have shape \(1, 2\), expected \(2, 2\)")
    refused(model(x, [[0, 1], [-1, 0]]), "paddings .* must be between 0")
    refused(model(np.zeros((1,) * 6, np.float32), np.zeros((6, 2))), "6 dimensions; the kernel takes up to 5")
    refused(model(x, np.zeros((2, 2)), Result(np.int32)), "must have one type")
    refused(model(np.zeros(2, np.float64), [[0, 1]]), "no float64 kernel")
    refused(model(x, [[0, 2**31 - 1], [0, 2**31 - 1]]), "more than max_tensor_bytes", theirs=False)

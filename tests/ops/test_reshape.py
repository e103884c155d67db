from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, FURTHER, constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, ReshapeOptions


@st.composite
def factored(draw: st.DrawFn, total: int, most: int = 6) -> list[int]:
    """A shape of `total` elements, one dimension maybe written as -1."""
    sizes: list[int] = []
    left = total
    for _ in range(draw(st.integers(0, most - 1))):
        divisors = [d for d in range(1, left + 1) if left % d == 0] or [1]
        sizes.append(draw(st.sampled_from(divisors[:12])))
        left //= sizes[-1]
    sizes.insert(draw(st.integers(0, len(sizes))), left)
    if draw(st.booleans()) and (total or sizes.count(0) == 1):
        place = sizes.index(0) if total == 0 else draw(st.integers(0, len(sizes) - 1))
        sizes[place] = -1
    return sizes


@st.composite
def reshape(draw: st.DrawFn, dtype: Any) -> OneOp:
    by_option, fed = draw(st.booleans()), draw(st.booleans())
    fed = fed and dtype is not object
    shape = draw(movement.shape(int(dtype is object), 6, 4, empty=by_option or not fed))
    sizes = draw(factored(math.prod(shape)))
    x = draw(movement.operand(shape, dtype))
    if by_option and sizes != [0]:  # which would mean a scalar
        options = ReshapeOptions(new_shape=np.array(sizes, np.int32))
        return OneOp(BuiltinOperator.RESHAPE, [x], [movement.like(x)], options)
    operands = [x, draw(movement.indices(sizes, fed=fed and 0 not in shape))]
    return OneOp(BuiltinOperator.RESHAPE, operands, [movement.like(x)], ReshapeOptions())


CASES = movement.cases(reshape, *COMMON, *FURTHER, "string", "int4")
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], *, option: Any = None, operand: Operand | None = None) -> OneOp:
    operands = [Operand(np.arange(math.prod(shape), dtype=np.float32).reshape(shape))]
    operands += [] if operand is None else [operand]
    stored = None if option is None else np.array(option, np.int32)
    return OneOp(BuiltinOperator.RESHAPE, operands, [Result(np.float32)], ReshapeOptions(new_shape=stored))


def test_the_option_zero_alone_means_a_scalar() -> None:
    assert check(model((1, 1), option=[0])) == 1


def test_the_operand_wins_over_the_option() -> None:
    assert check(model((2, 3), option=[6], operand=constant([3, -1]))) == 6


def test_an_operand_that_is_no_vector_is_ignored() -> None:
    assert check(model((2, 3), option=[6], operand=constant([[3, 2]]))) == 6


def test_refusals() -> None:
    refused(model((2, 3), option=[4, -1]), r"shape \(2, 3\) cannot become \[4, 1\]")
    refused(model((2, 3), option=[-1, -1]), "more than one -1")
    refused(model((2, 3), option=[-2, -3]), "dimension out of range")
    refused(model((2, 3), option=[7]), "the numbers of elements differ")
    refused(model((1,), option=[1] * 40), "40 dimensions", theirs=False)

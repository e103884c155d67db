from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tflite_schema import BuiltinOperator, SplitVOptions


@st.composite
def split_v(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    sizes = draw(st.lists(st.integers(1 if fed else 0, 4), min_size=1, max_size=4))
    shape = list(draw(movement.shape(1, 5, 4)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    shape[axis] = sum(sizes)
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    x = draw(movement.operand(tuple(shape), dtype))
    cuts = draw(movement.indices(sizes, (np.int32, np.int64), fed))
    operands = [x, cuts, draw(movement.indices(axis, fed=fed))]
    options = SplitVOptions(num_splits=len(sizes))
    return OneOp(BuiltinOperator.SPLIT_V, operands, [movement.like(x)] * len(sizes), options)


CASES = movement.cases(split_v, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(sizes: list[int], axis: int = 1, results: int = 2, parts: int = 2) -> OneOp:
    x = Operand(np.zeros((2, 3), np.float32))
    operands = [x, constant(sizes), constant(axis)]
    options = SplitVOptions(num_splits=parts)
    return OneOp(BuiltinOperator.SPLIT_V, operands, [movement.like(x)] * results, options)


def test_minus_one_takes_what_is_left() -> None:
    assert check(model([-1, 2])) == 6


def test_refusals() -> None:
    refused(model([1, 1]), r"sizes \[1, 1\] do not cut dimension 1 of \(2, 3\)")
    refused(model([-1, -1]), "do not cut")
    refused(model([-1, 4]), "do not cut")
    refused(model([1, 2], axis=2), "axis 2 is outside a rank of 2")
    refused(model([1, 2], results=1), "num_splits is 2, but there are 1 results")
    refused(model([1, 1, 1]), "sizes have shape")

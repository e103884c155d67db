from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, matches_reference
from tflite_schema import BuiltinOperator, SplitOptions


@st.composite
def split(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = list(draw(movement.shape(1, 6, 4, empty=not fed)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    parts = draw(st.integers(1, 4))
    shape[axis] *= parts
    x = draw(movement.operand(tuple(shape), dtype))
    operands = [draw(movement.indices(axis if draw(st.booleans()) else [axis], fed=fed)), x]
    return OneOp(BuiltinOperator.SPLIT, operands, [movement.like(x)] * parts, SplitOptions(num_splits=parts))


CASES = movement.cases(split, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(axis: Any, results: int, parts: int = 2, dtype: Any = np.float32) -> OneOp:
    x = Operand(np.zeros((2, 3), dtype))
    options = SplitOptions(num_splits=parts)
    return OneOp(BuiltinOperator.SPLIT, [constant(axis), x], [movement.like(x)] * results, options)


def test_refusals() -> None:
    refused(model(1, 2), r"dimension 1 of \(2, 3\) cannot be cut into 2 equal parts")
    refused(model(0, 1), "num_splits is 2, but there are 1 results")
    refused(model(2, 2), "axis 2 is outside a rank of 2")
    refused(model([0, 0], 2), r"the axis has shape \(2,\), expected one element", theirs=False)
    refused(model(0, 0, 0), "num_splits is 0", theirs=False)
    refused(model(0, 2, dtype=np.bool_), "no bool kernel")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, PackOptions


@st.composite
def pack(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(0, 5, 4, empty=True))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    first = draw(movement.operand(shape, dtype))
    others = [
        Operand(draw(movement.values(shape, dtype)), first.scale, first.zero_point)
        for _ in range(draw(st.integers(0, 3)))
    ]
    options = PackOptions(axis=axis, values_count=len(others) + 1)
    return OneOp(BuiltinOperator.PACK, [first, *others], [movement.like(first)], options)


CASES = movement.cases(pack, *COMMON, "uint32")
test_matches_reference = matches_reference(CASES)


def model(operands: list[Operand], result: Result, axis: int = 0, count: int = 2) -> OneOp:
    return OneOp(BuiltinOperator.PACK, operands, [result], PackOptions(axis=axis, values_count=count))


def test_refusals() -> None:
    x, y = Operand(np.zeros((2, 3), np.float32)), Result(np.float32)
    refused(model([x, x], y, count=3), "values_count is 3, but there are 2 operands")
    refused(model([x, Operand(np.zeros((2, 1), np.float32))], y), "operands have different shapes")
    refused(model([x, x], y, axis=3), "axis 3 is outside a rank of 3")
    refused(model([x, Operand(np.zeros((2, 3), np.int32))], y), "must have one type")
    q = Operand(np.zeros(2, np.int8), 0.5, 1)
    refused(model([q, Operand(q.value, 0.5, 2)], Result(np.int8, 0.5, 1)), "values are only moved")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, RankOptions


@st.composite
def rank(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(int(dtype is object), 8, 3, empty=True)), dtype))
    return OneOp(BuiltinOperator.RANK, [x], [Result(np.int32)], RankOptions())


CASES = movement.cases(rank, *COMMON, "bool", "string")
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    refused(
        OneOp(BuiltinOperator.RANK, [x], [Result(np.int64)], RankOptions()),
        "the result is INT64, expected INT32",
        theirs=False,
    )

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator


@st.composite
def broadcast_args(draw: st.DrawFn, dtype: Any) -> OneOp:
    left, right = draw(strategies.broadcast_pair(8))
    stored = draw(st.booleans())
    operands = [Operand(np.array(shape, dtype), constant=stored) for shape in (left, right)]
    return OneOp(BuiltinOperator.BROADCAST_ARGS, operands, [Result(dtype)])


CASES = movement.cases(broadcast_args, "int32", "int64")
test_matches_reference = matches_reference(CASES)


def test_refusals() -> None:
    clash = OneOp(BuiltinOperator.BROADCAST_ARGS, [constant([2, 3]), constant([2])], [Result(np.int32)])
    refused(clash, r"shapes \[2, 3\] and \[2\] do not broadcast together", theirs=False)  # TFLite aborts the process
    matrix = OneOp(BuiltinOperator.BROADCAST_ARGS, [constant([[2, 3]]), constant([2])], [Result(np.int32)])
    refused(matrix, "expected vectors")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BroadcastToOptions, BuiltinOperator


@st.composite
def broadcast_to(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    full = draw(movement.shape(1, 8, 3))
    shape = tuple(1 if draw(st.booleans()) else size for size in full)[draw(st.integers(0, len(full))) :]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(full, (np.int32, np.int64), fed))]
    return OneOp(BuiltinOperator.BROADCAST_TO, operands, [movement.like(x)], BroadcastToOptions(), version=2)


CASES = movement.cases(broadcast_to, *COMMON, "bool", "float16", "float64", "uint16", "uint32", "uint64", "complex64")
test_matches_reference = matches_reference(CASES)


def model(wanted: Any, dtype: Any = np.int32) -> OneOp:
    operands = [Operand(np.zeros((2, 1), np.float32)), constant(wanted, dtype)]
    return OneOp(BuiltinOperator.BROADCAST_TO, operands, [Result(np.float32)], BroadcastToOptions(), version=2)


def test_refusals() -> None:
    refused(model([3, 3]), r"shape \(2, 1\) cannot be broadcast to \[3, 3\]")
    refused(model([3]), "cannot be broadcast")
    refused(model([2, -1]), "negative dimension", theirs=False)
    refused(model([[2, 3]]), "the shape operand has 2 dimensions")
    refused(model([1] * 7 + [2, 3]), "9 dimensions; the kernel takes up to 8")
    refused(model([2, 3], np.int16), "the shape of type INT16")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, ReverseSequenceOptions


@st.composite
def reverse_sequence(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(2, 5, 5))
    seq_dim, batch_dim = draw(st.permutations(range(len(shape))))[:2]
    lengths = [draw(st.integers(0, shape[seq_dim])) for _ in range(shape[batch_dim])]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(lengths, (np.int32, np.int64)))]
    options = ReverseSequenceOptions(seq_dim=seq_dim, batch_dim=batch_dim)
    return OneOp(BuiltinOperator.REVERSE_SEQUENCE, operands, [movement.like(x)], options)


CASES = movement.cases(reverse_sequence, "float32", "uint8", "int16", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def model(lengths: Any, seq_dim: int = 1, batch_dim: int = 0) -> OneOp:
    operands = [Operand(np.zeros((2, 3), np.float32)), constant(lengths)]
    options = ReverseSequenceOptions(seq_dim=seq_dim, batch_dim=batch_dim)
    return OneOp(BuiltinOperator.REVERSE_SEQUENCE, operands, [Result(np.float32)], options)


def test_refusals() -> None:
    refused(model([4, 1]), r"index 4 at \(0,\) is outside \[0, 4\)")
    refused(model([1, 4]), r"index 4 at \(1,\)", theirs=False)  # TFLite looks at the first length only
    refused(model([1]), r"lengths have shape \(1,\), expected \(2,\)")
    refused(model([1, 1], 0, 0), "seq_dim 0 and batch_dim 0 of a rank of 2")
    refused(model([1, 1], 2, 0), "seq_dim 2")

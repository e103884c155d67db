from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, SparseToDenseOptions


@st.composite
def sparse_to_dense(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 4))
    count = draw(st.integers(1, 6))
    content = draw(movement.values((count, len(shape)), np.uint32)) % np.array(shape, np.uint32)
    if len(shape) == 1 and draw(st.booleans()):
        content = content[:, 0]
    single = count == 1 and draw(st.booleans())
    default = draw(movement.operand((), dtype))
    values = Operand(draw(movement.values(() if single else (count,), dtype)), default.scale, default.zero_point)
    operands = [
        draw(movement.indices(content, (np.int32, np.int64))),
        draw(movement.indices(shape, (np.int32, np.int64))),
        values,
        default,
    ]
    return OneOp(BuiltinOperator.SPARSE_TO_DENSE, operands, [movement.like(default)], SparseToDenseOptions())


CASES = movement.cases(sparse_to_dense, "float32", "int8", "uint8", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def model(index: Any, shape: Any, values: Any) -> OneOp:
    stored = Operand(np.asarray(values, np.float32))
    operands = [constant(index), constant(shape), stored, Operand(np.zeros((), np.float32))]
    return OneOp(BuiltinOperator.SPARSE_TO_DENSE, operands, [Result(np.float32)], SparseToDenseOptions())


def test_a_single_index_is_one_index() -> None:
    """TFLite reads the number of indices out of a shape without dimensions, and crashes or not as memory has it."""
    case = model(2, [4], [7])
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [0, 0, 7, 0]


def test_of_equal_indices_the_last_counts() -> None:
    assert check(model([2, 1, 2, 1], [4], [1, 2, 3, 4])) == 4


def test_refusals() -> None:
    # TFLite writes outside the result.
    refused(model([4], [4], [1]), r"index 4 at \(0, 0\) is outside \[0, 4\)", theirs=False)
    refused(model([[0, 0]], [4], [1]), "name 2 coordinates of a rank of 1")
    refused(model([0, 1], [4], [1]), r"values have shape \(1,\), expected \(2,\)", theirs=False)
    refused(model([[[0]]], [4], [1]), "expected up to two dimensions")
    refused(model([[0] * 5], [1] * 5, [1]), "5 dimensions; the kernel takes up to 4")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, ReverseV2Options


@st.composite
def reverse_v2(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 8, 3))
    first = draw(st.integers(0, len(shape) - 1))
    axes = draw(st.permutations(range(first, draw(st.integers(first + 1, len(shape))))))
    axes = [axis - len(shape) if draw(st.booleans()) else axis for axis in axes]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(axes))]
    return OneOp(BuiltinOperator.REVERSE_V2, operands, [movement.like(x)], ReverseV2Options())


CASES = movement.cases(reverse_v2, *COMMON, "bool", "float16", "bfloat16")
test_matches_reference = matches_reference(CASES)


def model(axes: Any, shape: tuple[int, ...] = (2, 3, 2), dtype: Any = np.int32) -> OneOp:
    operands = [Operand(np.zeros(shape, np.float32)), constant(axes, dtype)]
    return OneOp(BuiltinOperator.REVERSE_V2, operands, [Result(np.float32)], ReverseV2Options())


def test_refusals() -> None:
    refused(model([0, 2]), r"axes \[0, 2\] are not neighbours")
    refused(model([0, 0]), "are not neighbours")
    refused(model([3]), r"index 3 at \(0,\) is outside \[0, 3\)")
    refused(model([0], dtype=np.int64), "axes of type INT64")
    refused(model([]), "expected a vector of 1 to 3", theirs=False)
    refused(model([0], (1,) * 9), "9 dimensions; the kernel takes up to 8")

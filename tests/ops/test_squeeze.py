from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, FURTHER, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, SqueezeOptions


@st.composite
def squeeze(draw: st.DrawFn, dtype: Any) -> OneOp:
    full = draw(movement.shape(int(dtype is object), 8, 3, empty=True))
    shape = tuple(1 if draw(st.booleans()) else size for size in full)
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    listed = draw(st.lists(st.sampled_from(ones), max_size=4)) if ones else []
    listed = [axis - len(shape) if draw(st.booleans()) else axis for axis in listed]
    x = draw(movement.operand(shape, dtype))
    options = SqueezeOptions(squeeze_dims=np.array(listed, np.int32))
    return OneOp(BuiltinOperator.SQUEEZE, [x], [movement.like(x)], options)


CASES = movement.cases(squeeze, *COMMON, *FURTHER, "string", "int4")
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], listed: list[int]) -> OneOp:
    options = SqueezeOptions(squeeze_dims=np.array(listed, np.int32))
    return OneOp(BuiltinOperator.SQUEEZE, [Operand(np.zeros(shape, np.float32))], [Result(np.float32)], options)


def test_refusals() -> None:
    refused(model((2, 1), [0]), r"shape \(2, 1\) is not 1 in \[0\]")
    refused(model((2, 1), [2]), "squeezed dimension 2 is outside a rank of 2")
    refused(model((1,) * 9, []), "9 dimensions; the kernel takes up to 8")

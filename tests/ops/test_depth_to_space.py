from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, DepthToSpaceOptions


@st.composite
def depth_to_space(draw: st.DrawFn, dtype: Any) -> OneOp:
    block = draw(st.integers(1, 3))
    batch, height, width, channels = draw(movement.shape(4, 4, 4, empty=True))
    x = draw(movement.operand((batch, height, width, channels * block * block), dtype))
    options = DepthToSpaceOptions(block_size=block)
    return OneOp(BuiltinOperator.DEPTH_TO_SPACE, [x], [movement.like(x)], options)


CASES = movement.cases(depth_to_space, "float32", "int8", "uint8", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], block: int) -> OneOp:
    options = DepthToSpaceOptions(block_size=block)
    return OneOp(BuiltinOperator.DEPTH_TO_SPACE, [Operand(np.zeros(shape, np.float32))], [Result(np.float32)], options)


def test_refusals() -> None:
    refused(model((1, 4, 4, 6), 2), "6 channels are no multiple of block_size 2")
    refused(model((1, 4, 4, 4), 0), "block_size 0 must be positive")
    refused(model((4, 4, 4), 2), "four dimensions expected")

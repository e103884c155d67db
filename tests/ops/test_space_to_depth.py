from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, SpaceToDepthOptions


@st.composite
def space_to_depth(draw: st.DrawFn, dtype: Any) -> OneOp:
    block = draw(st.integers(1, 3))
    batch, height, width, channels = draw(movement.shape(4, 4, 4, empty=True))
    x = draw(movement.operand((batch, height * block, width * block, channels), dtype))
    options = SpaceToDepthOptions(block_size=block)
    return OneOp(BuiltinOperator.SPACE_TO_DEPTH, [x], [movement.like(x)], options)


CASES = movement.cases(space_to_depth, "float32", "int8", "uint8", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], block: int) -> OneOp:
    options = SpaceToDepthOptions(block_size=block)
    return OneOp(BuiltinOperator.SPACE_TO_DEPTH, [Operand(np.zeros(shape, np.float32))], [Result(np.float32)], options)


def test_refusals() -> None:
    refused(model((1, 4, 3, 1), 2), "is no multiple of block_size 2")
    refused(model((1, 4, 4, 1), 0), "block_size 0 must be positive")
    refused(model((4, 4, 1), 2), "four dimensions expected")

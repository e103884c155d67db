from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BatchToSpaceNDOptions, BuiltinOperator


@st.composite
def batch_to_space(draw: st.DrawFn, dtype: Any) -> OneOp:
    spatial = draw(st.integers(1, 2))
    block = [draw(st.integers(1, 3)) for _ in range(spatial)]
    shape, crops = [draw(movement.shape(1, 1))[0] * int(np.prod(block))], []
    for size in block:
        length = draw(st.integers(1, 5))
        before = draw(st.integers(0, length * size - 1))
        shape.append(length)
        crops.append((before, draw(st.integers(0, length * size - 1 - before))))
    x = draw(movement.operand((*shape, draw(st.integers(1, 5))), dtype))
    operands = [x, draw(movement.indices(block)), draw(movement.indices(crops))]
    return OneOp(BuiltinOperator.BATCH_TO_SPACE_ND, operands, [movement.like(x)], BatchToSpaceNDOptions())


CASES = movement.cases(batch_to_space, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], block: Any, crops: Any, result: Result | None = None) -> OneOp:
    x = Operand(np.zeros(shape, np.int8), 0.5, 1)
    operands = [x, constant(block), constant(crops)]
    return OneOp(BuiltinOperator.BATCH_TO_SPACE_ND, operands, [result or movement.like(x)], BatchToSpaceNDOptions())


def test_refusals() -> None:
    refused(model((3, 3, 1), [2], [[0, 0]]), "batch 3 is no multiple of block")
    refused(model((4, 4, 1), [0], [[0, 0]]), "must be positive")
    refused(model((4, 4, 1), [2], [[-2, 0]]), "must not be negative")
    refused(model((4, 4, 1), [2], [[5, 4]]), "exceed shape", theirs=False)
    refused(model((4, 1), [], np.zeros((0, 2))), "2 dimensions; the kernel takes 3 or 4")
    refused(model((4, 4, 1), [2], [[0, 0]], Result(np.int8, 0.25, 1)), "values are only moved")

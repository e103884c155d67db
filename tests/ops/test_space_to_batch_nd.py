from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, SpaceToBatchNDOptions


@st.composite
def space_to_batch(draw: st.DrawFn, dtype: Any) -> OneOp:
    spatial = draw(st.integers(1, 2))
    block = [draw(st.integers(1, 3)) for _ in range(spatial)]
    shape, paddings = [draw(movement.shape(1, 1))[0]], []
    for size in block:
        blocks, before = draw(st.integers(1, 4)), draw(st.integers(0, 3))
        length = draw(st.integers(1, 6))
        padded = max(-(-(length + before) // size), blocks) * size
        shape.append(length)
        paddings.append((before, padded - length - before))
    x = draw(movement.operand((*shape, draw(st.integers(1, 5))), dtype))
    operands = [x, draw(movement.indices(block)), draw(movement.indices(paddings))]
    return OneOp(BuiltinOperator.SPACE_TO_BATCH_ND, operands, [movement.like(x)], SpaceToBatchNDOptions())


CASES = movement.cases(space_to_batch, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], block: Any, paddings: Any, result: Result | None = None) -> OneOp:
    x = Operand(np.zeros(shape, np.int8), 0.5, 1)
    operands = [x, constant(block), constant(paddings)]
    return OneOp(BuiltinOperator.SPACE_TO_BATCH_ND, operands, [result or movement.like(x)], SpaceToBatchNDOptions())


def test_refusals() -> None:
    refused(model((1, 3, 1), [2], [[0, 0]]), "padded dimension 3 is no multiple of block 2")
    refused(model((1, 4, 1), [0], [[0, 0]]), "must be positive")
    refused(model((1, 4, 1), [2], [[-2, 0]]), "must not be negative", theirs=False)
    refused(model((4, 1), [], np.zeros((0, 2))), "2 dimensions; the kernel takes 3 or 4")
    refused(model((1, 4, 4, 1), [2], [[0, 0]]), r"the block shape of shape \(1,\), expected \(2,\)")
    refused(model((1, 4, 1), [2], [[0, 0]], Result(np.int8, 0.25, 1)), "values are only moved")

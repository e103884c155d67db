from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, matches_reference
from tflite_schema import BuiltinOperator, SliceOptions


@st.composite
def boxes(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans()) and dtype is not object
    shape = draw(movement.shape(1, 5, 5, empty=not fed))
    begin = [draw(st.integers(0, max(size - 1, 0) if fed else size)) for size in shape]
    least = 1 if fed else 0
    size = [
        -1 if draw(st.booleans()) else draw(st.integers(min(least, n - b), n - b))
        for n, b in zip(shape, begin, strict=True)
    ]
    x = draw(movement.operand(shape, dtype))
    index = draw(st.sampled_from([np.int32, np.int64]))
    operands = [x, draw(movement.indices(begin, (index,), fed)), draw(movement.indices(size, (index,), fed))]
    return OneOp(BuiltinOperator.SLICE, operands, [movement.like(x)], SliceOptions())


CASES = movement.cases(boxes, *COMMON, "bool", "uint32", "float16", "bfloat16", "string", "int4")
test_matches_reference = matches_reference(CASES)


def model(begin: Any, size: Any, shape: tuple[int, ...] = (2, 3)) -> OneOp:
    x = Operand(np.zeros(shape, np.float32))
    return OneOp(BuiltinOperator.SLICE, [x, constant(begin), constant(size)], [movement.like(x)], SliceOptions())


def test_refusals() -> None:
    refused(model([0, 2], [1, 2]), r"begin \[0, 2\] and size \[1, 2\] leave shape \(2, 3\)")
    refused(model([0, 0], [-2, 1]), "leave shape")
    refused(model([0], [1]), r"begin has shape \(1,\), expected \(2,\)", theirs=False)
    refused(model([-1, 0], [1, 1]), "leave shape", theirs=False)
    refused(model([0] * 6, [1] * 6, (1,) * 6), "6 dimensions; the kernel takes up to 5")

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tflite_schema import BuiltinOperator, GatherOptions, TensorType


@st.composite
def gather(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 1 if dtype is object else 5, 4))
    if dtype == "int4":  # slices of whole bytes
        shape = (*shape, 2 * draw(st.integers(1, 3)))
    axis = draw(st.integers(0, len(shape) - (2 if dtype == "int4" else 1)))
    batch_dims = draw(st.integers(0, axis))
    index_shape = (*shape[:batch_dims], *draw(movement.shape(0, 2, 4, empty=True)))
    content = draw(movement.values(index_shape, np.uint32)) % shape[axis]
    x = draw(movement.operand(shape, dtype))
    index = Operand(content.astype(draw(st.sampled_from([np.int32, np.int64, np.int16]))), constant=draw(st.booleans()))
    options = GatherOptions(
        axis=axis - draw(st.sampled_from([0, len(shape)])),
        batch_dims=batch_dims - (len(index_shape) if batch_dims < len(index_shape) and draw(st.booleans()) else 0),
    )
    return OneOp(BuiltinOperator.GATHER, [x, index], [movement.like(x)], options)


CASES = movement.cases(gather, *COMMON, "bool", "float16", "bfloat16", "string", "int4")
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(6, dtype=np.float32).reshape(2, 3))


def model(index: Any, dtype: Any = np.int32, x: Operand = X, **options: int) -> OneOp:
    operands = [x, constant(index, dtype)]
    return OneOp(BuiltinOperator.GATHER, operands, [movement.like(x)], GatherOptions(**options))


def test_batches_go_together() -> None:
    assert check(model([[2, 0], [1, 1]], axis=1, batch_dims=1)) == 4


def test_refusals() -> None:
    refused(model([2]), r"index 2 at \(0,\) is outside \[0, 2\)")
    refused(model([0, -1]), r"index -1 at \(1,\) is outside \[0, 2\)")
    refused(model([0], np.uint8), "indices of type UINT8")
    refused(model([0], axis=2), "axis 2 is outside a rank of 2")
    refused(model([0], axis=0, batch_dims=1), "batch_dims 1 with axis 0")
    refused(model([0], axis=1, batch_dims=1), "batches of shapes .* differ")
    odd = Operand(np.zeros((2, 3), np.int8), 0.5, type=TensorType.INT4)
    refused(model([1], x=odd), "slices of 3 4-bit numbers", theirs=False)  # TFLite leaves half a byte out

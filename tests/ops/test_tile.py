from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, TileOptions


@st.composite
def tile(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = draw(movement.shape(int(dtype is object), 5, 3, empty=not fed))
    multiples = [draw(st.integers(int(fed), 3)) for _ in shape]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(multiples, (np.int32, np.int64), fed))]
    return OneOp(BuiltinOperator.TILE, operands, [movement.like(x)], TileOptions())


CASES = movement.cases(tile, "float32", "int8", "uint8", "int32", "int64", "bool", "string")
test_matches_reference = matches_reference(CASES)


def model(multiples: Any, dtype: Any = np.int32) -> OneOp:
    operands = [Operand(np.zeros((2, 3), np.float32)), constant(multiples, dtype)]
    return OneOp(BuiltinOperator.TILE, operands, [Result(np.float32)], TileOptions())


def test_refusals() -> None:
    refused(model([2]), "1 multiples for 2 dimensions")
    refused(model([2, -1]), "must not be negative")
    refused(model([1, 1], np.int16), "multiples of type INT16")
    refused(model([2**30, 2**30]), "more than max_tensor_bytes", theirs=False)

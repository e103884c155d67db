from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, StablehloShiftLeftOptions

CODE = BuiltinOperator.STABLEHLO_SHIFT_LEFT


def model(a: Any, b: Any) -> OneOp:
    return OneOp(CODE, [Operand(a), Operand(b)], [Result(a.dtype)], StablehloShiftLeftOptions(), optimized=True)


@st.composite
def shift(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(0, 5, 4))
    return model(draw(strategies.integers(shape, dtype)), draw(strategies.integers(shape, dtype, 0, 31)))


CASES = movement.cases(shift, "int8", "int16", "int32")
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_every_distance(dtype: Any) -> None:
    distances = np.arange(32, dtype=dtype)
    assert check(model(np.full(32, 7, dtype), distances)) == 32
    assert check(model(np.full(32, -1, dtype), distances)) == 32


def test_refusals() -> None:
    one = np.ones(3, np.int8)
    for wrong in (32, -1):
        refused(model(one, np.array([0, 1, wrong], np.int8)), "expected 0 to 31", theirs=False)
    refused(model(one, one[:2]), "does not broadcast", theirs=False)
    refused(model(one, one.astype(np.int16)), "must have one type")
    refused(model(one.astype(np.uint8), one.astype(np.uint8)), "no uint8 kernel")

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from tests import movement
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.segments import one, run
from tflite_schema import BuiltinOperator, SegmentSumOptions

CODE = BuiltinOperator.SEGMENT_SUM


@st.composite
def sums(draw: st.DrawFn, dtype: Any) -> OneOp:
    """Segments in turn; TFLite registers no reference kernel, the optimized one is the same code."""
    shape = draw(movement.shape(1, 4, empty=False))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="ids"))
    ids = np.cumsum(np.concatenate([[0], rng.integers(0, 2, shape[0] - 1)])).astype(np.int32)
    operands = [Operand(draw(movement.values(shape, dtype))), Operand(ids, constant=draw(st.booleans()))]
    return OneOp(CODE, operands, [Result(dtype)], SegmentSumOptions(), optimized=True)


CASES = movement.cases(sums, "float32", "int32")
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    assert run(one(CODE, np.array([2, 5, 9, 3], np.int32), [0, 0, 1, 1])) == [7, 12]


def test_one_long_segment() -> None:
    x = np.random.default_rng(8).normal(size=(2000, 1)).astype(np.float32)
    assert check(one(CODE, x, np.zeros(2000))) == 1


@pytest.mark.parametrize("ids", [[1, 1, 2], [0, 2, 2], [0, 1, 0], [-1, 0, 0]])
@pytest.mark.parametrize("fed", [False, True])
def test_ids_that_are_not_in_turn(ids: list[int], fed: bool) -> None:
    with pytest.raises(QCoreError, match="segment ids must begin with 0"):
        run(one(CODE, np.zeros((3, 2), np.float32), ids, fed=fed))


def test_models_that_cannot_be() -> None:
    for model, message in (
        (one(CODE, np.zeros((3, 2), np.float32), [0, 0]), "do not fit"),
        (one(CODE, np.zeros((), np.float32), []), "a scalar has no rows"),
        (one(CODE, np.zeros(2, np.int64), [0, 0]), "no int64 kernel"),
    ):
        with pytest.raises(QCoreError, match=message):
            run(model)

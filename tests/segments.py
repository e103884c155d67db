"""Test material for the segment reductions: ids in any order, some negative, some segments empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator


@st.composite
def unsorted(draw: st.DrawFn, code: BuiltinOperator, dtype: Any) -> OneOp:
    """An UNSORTED_SEGMENT of drawn data; ids and count are known or given at run time."""
    shape = draw(movement.shape(1, 4, empty=False))
    count = draw(st.integers(1, 6))
    covered = draw(st.integers(1, len(shape)))
    seed = draw(st.integers(0, 2**32 - 1), label="ids")
    ids = np.random.default_rng(seed).integers(-1, count, shape[:covered]).astype(np.int32)
    stored = draw(st.booleans())
    operands = [
        Operand(draw(movement.values(shape, dtype))),
        Operand(ids, constant=stored),
        Operand(np.asarray(count if draw(st.booleans()) else [count], np.int32), constant=stored),
    ]
    return OneOp(code, operands, [Result(dtype)])


def one(code: BuiltinOperator, x: Any, ids: Any, count: Any = None, fed: bool = False) -> OneOp:
    """A segment reduction of the given arrays."""
    operands = [Operand(x), Operand(np.asarray(ids, np.int32), constant=not fed)]
    if count is not None:
        operands.append(movement.constant(count))
    return OneOp(code, operands, [Result(x.dtype)], optimized=count is None)


def run(model: OneOp) -> Any:
    """Our result 0, as a list."""
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def refuses_what_cannot_be(code: BuiltinOperator) -> None:
    """Assert that an UNSORTED_SEGMENT refuses ids that point nowhere, known or given at run time."""
    x = np.zeros((3, 2), np.float32)
    for model, message in (
        (one(code, x, [0, 1, 2], 2), "segment id 2, but there are 2"),
        (one(code, x, [0, 1, 2], 2, fed=True), "segment id 2, but there are 2"),
        (one(code, x, [0, 1], 2), "do not fit"),
        (one(code, x, [0, 1, 1], -1), "number of segments is -1"),
        (one(code, x, [0, 1, 1], [2, 2]), "number of segments has shape"),
        (one(code, x.astype(np.int8), [0, 1, 1], 2), "no int8 kernel"),
    ):
        with pytest.raises(QCoreError, match=message):
            run(model)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BucketizeOptions, BuiltinOperator

CODE = BuiltinOperator.BUCKETIZE


def case(x: Any, boundaries: Any, result: Any = np.int32) -> OneOp:
    options = BucketizeOptions(boundaries=np.asarray(boundaries, np.float32))
    return OneOp(CODE, [Operand(x)], [Result(result)], options)


@st.composite
def buckets(draw: st.DrawFn, dtype: Any) -> OneOp:
    boundaries = sorted(draw(st.lists(st.integers(-20, 20).map(lambda k: k / 4), min_size=1, max_size=9)))
    shape = draw(movement.shape(1, 4, empty=False))
    if np.dtype(dtype).kind == "i":
        seed = draw(st.integers(0, 2**32 - 1), label="seed")
        return case(np.random.default_rng(seed).integers(-6, 7, shape).astype(dtype), boundaries)
    return case(draw(movement.values(shape, dtype)), boundaries)


CASES = movement.cases(buckets, "float32", "float64", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_by_hand() -> None:
    assert run(case(np.array([-5, 0, 5, 10, 11], np.int32), [0, 10, 10])) == [0, 1, 1, 3, 3]


def test_numbers_that_float32_cannot_tell_apart() -> None:
    assert check(case(np.array([2**24 - 1, 2**24, 2**24 + 1], np.int32), [2**24])) == 3
    assert check(case(np.array([2.0**24 - 1e-3, 2.0**24], np.float64), [2**24])) == 2
    assert check(case(np.array([np.nan, np.inf, -np.inf], np.float32), [0, 1])) == 3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros(2, np.int32), [1, 0]), "not sorted"),
        (case(np.zeros(2, np.int32), [np.nan]), "NaN"),
        (case(np.zeros(2, np.int32), [0], np.int64), "the result is INT64"),
        (case(np.zeros(2, np.int8), [0]), "no int8 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

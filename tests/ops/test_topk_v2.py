from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, TopKV2Options

CODE = BuiltinOperator.TOPK_V2


@st.composite
def top(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = (*draw(movement.shape(0, 3, empty=False)), draw(st.integers(1, 40)))
    k = draw(st.integers(1, shape[-1]))
    place = np.asarray(k if draw(st.booleans()) else [k], draw(st.sampled_from([np.int32, np.int16])))
    x = draw(movement.operand(shape, dtype))
    if np.dtype(dtype).kind == "i" and draw(st.booleans()):
        x = Operand(draw(strategies.integers(shape, dtype, -2, 2)), x.scale, x.zero_point)
    results = [movement.like(x), Result(draw(st.sampled_from([np.int32, np.int16])))]
    return OneOp(CODE, [x, Operand(place, constant=draw(st.booleans()))], results, TopKV2Options(), 3)


CASES = movement.cases(top, "float32", "uint8", "int8", "int16", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def case(x: Any, k: Any, values: Any = None, indices: Any = np.int32) -> OneOp:
    results = [Result(values or x.dtype), Result(indices)]
    return OneOp(CODE, [Operand(x), movement.constant(k)], results, TopKV2Options(), 3)


def run(model: OneOp) -> Any:
    return [y.tolist() for y in Interpreter(to_bytes(model.model())).run(model.feeds())]


def test_by_hand() -> None:
    x = np.array([[3, 9, 9, -1, 3]], np.int8)
    assert run(case(x, 4)) == [[[9, 9, 3, 3]], [[1, 2, 0, 4]]]
    assert run(case(np.array([np.iinfo(np.int64).min, 0, 5]), 2)) == [[5, 0], [2, 1]]


def test_zeros_and_infinity() -> None:
    assert check(case(np.array([[0.0, -0.0, np.inf, -np.inf, 0.0, -0.0]], np.float32), 6)) == 12


def test_long_rows_with_many_ties() -> None:
    x = np.random.default_rng(6).integers(0, 20, (5, 2000)).astype(np.uint8)
    for k in (1, 100, 1999, 2000):
        assert check(case(x, k)) == 10 * k


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((2, 3), np.int32), 4), "k is 4, a row has 3"),
        (case(np.zeros((2, 3), np.int32), [1, 1]), "expected one number"),
        (case(np.zeros((), np.int32), 1), "a scalar has no row"),
        (case(np.zeros((2, 3), np.int32), 1, np.int8), "one type"),
        (case(np.zeros((2, 3), np.int32), 1, None, np.int64), "indices of type INT64"),
        (case(np.zeros((2, 3), np.bool_), 1), "no bool kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

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
from tflite_schema import BuiltinOperator, RangeOptions

CODE = BuiltinOperator.RANGE


def case(start: Any, limit: Any, delta: Any, dtype: Any, stored: bool = True) -> OneOp:
    values = [np.asarray(value, dtype) for value in (start, limit, delta)]
    return OneOp(CODE, [Operand(value, constant=stored) for value in values], [Result(dtype)], RangeOptions())


@st.composite
def steps(draw: st.DrawFn, dtype: Any) -> OneOp:
    if dtype is np.float32:
        start, delta = draw(st.floats(-9, 9, width=32)), draw(st.floats(0.0625, 3, width=32))
        span = draw(st.floats(0.125, 99, width=32))
    else:
        start, delta, span = draw(st.integers(-99, 99)), draw(st.integers(1, 9)), draw(st.integers(1, 999))
    sign = draw(st.sampled_from([-1, 1]))
    return case(start, start + sign * span, sign * delta, dtype, draw(st.booleans()))


CASES = movement.cases(steps, "float32", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_by_hand() -> None:
    assert run(case(3, 10, 3, np.int32)) == [3, 6, 9]
    assert run(case(3, -4, -3, np.int64)) == [3, 0, -3]
    assert run(case(5, 5, 1, np.int32)) == []
    assert run(case(0, 1, 0.25, np.float32)) == [0, 0.25, 0.5, 0.75]


def test_float_steps_add_up_one_by_one() -> None:
    assert check(case(0, 1000, 0.1, np.float32)) == 10000


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("start", "limit", "delta", "dtype", "message"),
    [
        (0, 5, 0, np.int32, "steps of 0 do not lead"),
        (0, 5, -1, np.int32, "steps of -1 do not lead from 0 to 5"),
        (0, np.nan, 1, np.float32, "do not lead"),
        (0, np.inf, 1, np.float32, "inf numbers"),
        (0, 1, 1e-30, np.float32, "numbers from"),
        (-(2**31), 2**31 - 1, 1, np.int32, "leaves int32"),
        (0, 2**62, 1, np.int64, "numbers from"),
        ([0, 1], 2, 1, np.int32, "expected a scalar"),
        (0, 5, 1, np.int8, "no int8 kernel"),
    ],
)
def test_models_that_cannot_be(start: Any, limit: Any, delta: Any, dtype: Any, message: str, stored: bool) -> None:
    with pytest.raises(QCoreError, match=message):
        run(case(start, limit, delta, dtype, stored))

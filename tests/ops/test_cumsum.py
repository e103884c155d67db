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
from tflite_schema import BuiltinOperator, CumsumOptions

CODE = BuiltinOperator.CUMSUM


@st.composite
def sums(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    place = np.asarray(axis if draw(st.booleans()) else [axis], np.int32)
    options = CumsumOptions(exclusive=draw(st.booleans()), reverse=draw(st.booleans()))
    fed = 0 not in shape and draw(st.booleans())
    operands = [Operand(draw(movement.values(shape, dtype))), Operand(place, constant=not fed)]
    return OneOp(CODE, operands, [Result(dtype)], options)


CASES = movement.cases(sums, "float32", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def case(x: Any, axis: Any, **options: bool) -> OneOp:
    return OneOp(CODE, [Operand(x), movement.constant(axis)], [Result(x.dtype)], CumsumOptions(**options))


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_by_hand() -> None:
    x = np.array([1, 2, 4], np.int32)
    assert run(case(x, 0)) == [1, 3, 7]
    assert run(case(x, 0, exclusive=True)) == [0, 1, 3]
    assert run(case(x, 0, reverse=True)) == [7, 6, 4]
    assert run(case(x, 0, exclusive=True, reverse=True)) == [6, 4, 0]


@pytest.mark.parametrize("axis", [0, 1])
def test_long_float_sums(axis: int) -> None:
    x = np.random.default_rng(5).normal(size=(200, 300)).astype(np.float32)
    assert check(case(x, axis)) == 60000


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((2, 3), np.int32), 2), "axis 2 is outside"),
        (case(np.zeros((2, 3), np.int32), [0, 1]), "expected one number"),
        (case(np.zeros((), np.int32), 0), "a scalar has no axis"),
        (case(np.zeros((2, 3), np.int8), 0), "no int8 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

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
from tflite_schema import BuiltinOperator, OneHotOptions

CODE = BuiltinOperator.ONE_HOT


@st.composite
def hot(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(0, 4, empty=False))
    depth = draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**32 - 1), label="indices")
    kind = draw(st.sampled_from([np.int32, np.int64]))
    indices = np.asarray(np.random.default_rng(seed).integers(-2, depth + 2, shape)).astype(kind)
    one, other = draw(movement.values((), dtype)), draw(movement.values((1,), dtype))
    operands = [
        Operand(indices),
        Operand(np.asarray(depth if draw(st.booleans()) else [depth], np.int32), constant=draw(st.booleans())),
        Operand(one, constant=draw(st.booleans())),
        Operand(other, constant=draw(st.booleans())),
    ]
    return OneOp(CODE, operands, [Result(dtype)], OneHotOptions(axis=draw(st.integers(-1, len(shape)))))


CASES = movement.cases(hot, "float32", "uint8", "int8", "int32", "int64", "bool")
test_matches_reference = matches_reference(CASES)


def case(indices: Any, depth: Any, axis: int = -1, on: Any = 7, off: Any = -1) -> OneOp:
    values = [movement.constant(on, np.int8), movement.constant(off, np.int8)]
    operands = [Operand(np.asarray(indices)), movement.constant(depth), *values]
    return OneOp(CODE, operands, [Result(np.int8)], OneHotOptions(axis=axis))


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_by_hand() -> None:
    assert run(case(np.array([2, 0, 5], np.int32), 3)) == [[-1, -1, 7], [7, -1, -1], [-1, -1, -1]]


def test_long_indices_are_cut_to_32_bits() -> None:
    assert check(case(np.array([2**32 + 1, -(2**32), 2**40], np.int64), 2)) == 6


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros(2, np.int32), -1), "the depth is -1"),
        (case(np.zeros(2, np.int32), [1, 2]), "the depth has shape"),
        (case(np.zeros(2, np.int32), 3, 2), "axis 2 is outside"),
        (case(np.zeros(2, np.int32), 3, -2), "axis -2 is outside"),
        (case(np.zeros(2, np.int32), 3, -1, [1, 2]), "the on value has shape"),
        (case(np.zeros(2, np.int8), 3), "indices of type INT8"),
        (case(np.zeros(2, np.int32), 2**31 - 1), "more than"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

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
from tflite_schema import BuiltinOperator, TensorType, UniqueOptions

CODE = BuiltinOperator.UNIQUE


@st.composite
def values(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = (draw(strategies.batch(40)),)
    x = draw(movement.operand(shape, dtype, None))
    if np.dtype(dtype).kind == "i" and draw(st.booleans()):
        x = Operand(draw(strategies.integers(shape, dtype, -3, 3)), x.scale, x.zero_point)
    kind = draw(st.sampled_from([np.int32, np.int64]))
    options = UniqueOptions(idx_out_type=TensorType.INT32 if kind is np.int32 else TensorType.INT64)
    return OneOp(CODE, [x], [movement.like(x), Result(kind)], options)


CASES = movement.cases(values, "float32", "uint8", "int8", "int16", "int32", "int64")
test_matches_reference = matches_reference(CASES)


def case(x: Any, indices: Any = np.int32, type_: TensorType = TensorType.INT32) -> OneOp:
    return OneOp(CODE, [Operand(x)], [Result(x.dtype), Result(indices)], UniqueOptions(idx_out_type=type_))


def run(model: OneOp) -> Any:
    return [y.tolist() for y in Interpreter(to_bytes(model.model())).run(model.feeds())]


def test_by_hand() -> None:
    assert run(case(np.array([7, 3, 7, -1, 3], np.int8))) == [[7, 3, -1], [0, 1, 0, 2, 1]]
    assert run(case(np.zeros(0, np.int8))) == [[], []]


def test_zeros_of_both_signs() -> None:
    assert check(case(np.array([-0.0, 0.0, np.inf, 1, -0.0, np.inf, -np.inf], np.float32))) == 11


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((2, 2), np.int8)), "expected a vector"),
        (case(np.array([1, np.nan], np.float32)), "holds a NaN"),
        (case(np.zeros(2, np.int8), np.int8, TensorType.INT8), "expected INT32 or INT64"),
        (case(np.zeros(2, np.int8), np.int64), "indices are INT64, the options say INT32"),
        (case(np.zeros(2, np.bool_)), "no bool kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

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
from tflite_schema import BuiltinOperator, WhereOptions

CODE = BuiltinOperator.WHERE


@st.composite
def conditions(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5, empty=False))
    seed = draw(st.integers(0, 2**32 - 1), label="truth")
    truth = np.random.default_rng(seed).random(shape) < draw(st.sampled_from([0.1, 0.5, 1.0]))
    truth.reshape(-1)[0] = True  # TensorFlow cannot hand out an empty result whose shape was found at run time
    x = np.where(truth, draw(movement.values(shape, dtype)) | 1 if dtype is not np.float32 else np.float32(-2.5), 0)
    operand = Operand(x.astype(dtype), constant=draw(st.booleans()))
    return OneOp(CODE, [operand], [Result(np.int64)], WhereOptions(), 1 if dtype is np.bool_ else 2)


CASES = movement.cases(conditions, "bool", "float32", "uint8", "int8", "int32", "int64", "uint32")
test_matches_reference = matches_reference(CASES)


def case(x: Any, result: Any = np.int64) -> OneOp:
    return OneOp(CODE, [Operand(x)], [Result(result)], WhereOptions(), 2)


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_by_hand() -> None:
    assert run(case(np.array([[True, False], [False, True]]))) == [[0, 0], [1, 1]]
    assert run(case(np.zeros((2, 2), np.int32))) == []


def test_what_is_not_zero_is_true() -> None:
    assert check(case(np.array([0.0, -0.0, np.nan, np.inf, 1e-45], np.float32))) == 3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.array(True)), "a scalar has no coordinates"),
        (case(np.zeros(2, np.int32), np.int32), "the result is INT32"),
        (case(np.zeros(2, np.int16)), "no int16 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

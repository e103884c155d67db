from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.searching import arg, refuses_nan_among_four
from tflite_schema import ArgMaxOptions, BuiltinOperator, TensorType

CODE = BuiltinOperator.ARG_MAX
CASES = {
    name: arg(CODE, ArgMaxOptions, movement.DTYPES[name]) for name in ("float32", "uint8", "int8", "int32", "bool")
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, axis: Any = 0, type_: Any = TensorType.INT32, result: Any = np.int32) -> OneOp:
    operands = [Operand(x), movement.constant(axis)]
    return OneOp(CODE, operands, [Result(result)], ArgMaxOptions(output_type=type_), 2)


def test_the_first_of_equal_values() -> None:
    x = np.array([[3, 1, 3, 1], [2, 2, 2, 2]], np.int8)
    assert Interpreter(to_bytes(case(x, 1).model())).run([x])[0].tolist() == [0, 0]
    assert check(case(np.zeros((5, 333), np.float32), 1)) == 5


def test_nan_and_infinity() -> None:
    nan, inf = np.nan, np.inf
    rows = [[nan, 1, 2], [1, nan, 2], [2, nan, 1], [nan] * 3, [-inf, nan, -inf], [nan, inf, -inf], [inf, nan, inf]]
    for row in rows:
        assert check(case(np.array(row, np.float32))) == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((2, 3), np.int8), 2), "axis 2 is outside"),
        (case(np.zeros((2, 3), np.int8), [0, 1]), "expected one number"),
        (case(np.zeros((2, 0), np.int8), 1), "is empty"),
        (case(np.zeros((), np.int8), 0), "a scalar has no axis"),
        (case(np.zeros((2, 3), np.int16), 0), "no int16 kernel"),
        (case(np.zeros((2, 3), np.int8), 0, TensorType.FLOAT32), "indices of type FLOAT32"),
        (case(np.zeros((2, 3), np.int8), 0, 99), "indices of type 99"),
        (case(np.zeros((2, 3), np.int8), 0, TensorType.INT64), "the result is INT32, the options say INT64"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(model.model())).run(model.feeds())


def test_nan_among_four_is_refused() -> None:
    refuses_nan_among_four(case)

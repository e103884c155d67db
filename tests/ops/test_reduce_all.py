from __future__ import annotations

import numpy as np

from tests.one_op import Result, check, matches_reference
from tests.reduction import one, reduction, refuses, run
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.REDUCE_ALL
CASES = {"bool": reduction(CODE, np.bool_)}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    x = np.array([[True, False], [True, True], [False, False]])
    assert run(one(CODE, x, [1], Result(np.bool_))).tolist() == [False, True, False]
    assert check(one(CODE, x, [0, 1], Result(np.bool_))) == 1


def test_of_nothing() -> None:
    x = np.zeros((2, 0), np.bool_)
    assert run(one(CODE, x, [1], Result(np.bool_))).tolist() == [True] * 2
    assert check(one(CODE, x, [1], Result(np.bool_))) == 2


def test_models_that_cannot_be() -> None:
    refuses(CODE, np.zeros((2, 3), np.bool_), [-3], Result(np.bool_), "axis -3")
    refuses(CODE, np.zeros((2, 3), np.int8), [0], Result(np.int8), "no int8 kernel")

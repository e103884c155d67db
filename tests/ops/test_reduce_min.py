from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, UnsupportedError
from tests import movement
from tests.one_op import Result, check, matches_reference
from tests.reduction import one, reduction, refuses, run
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.REDUCE_MIN
TYPES = ("float32", "uint8", "int8", "int16", "int32", "int64", "bool")
CASES = {name: reduction(CODE, movement.DTYPES[name], 2, same_scale=True) for name in TYPES}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.int8)
    assert run(one(CODE, x, [1], Result(np.int8))).tolist() == [-2, -6]


def test_of_nothing() -> None:
    x = np.zeros((2, 0), np.int32)
    assert run(one(CODE, x, [1], Result(np.int32))).tolist() == [np.iinfo(np.int32).max] * 2
    assert check(one(CODE, x, [1], Result(np.int32))) == 2


@pytest.mark.parametrize("axes", [[0], [1], [0, 1], []])
def test_nan_and_infinity(axes: list[int]) -> None:
    nan, inf = np.nan, np.inf
    for row in ([nan, 1, 2], [1, nan, -inf], [nan] * 3, [-inf] * 3, [inf] * 3, [-inf, nan, inf]):
        assert check(one(CODE, np.array([row], np.float32), axes, Result(np.float32))) > 0


def test_models_that_cannot_be() -> None:
    x = np.zeros((2, 3), np.int8)
    refuses(CODE, x, [2], Result(np.int8), "axis 2 is outside a rank of 2")
    refuses(CODE, x, [0], Result(np.int16), "one type")
    refuses(CODE, x, [0], Result(np.int8, 0.25), "the two must be equal", 0.5)
    refuses(CODE, x.astype(np.uint32), [0], Result(np.uint32), "no uint32 kernel")


@pytest.mark.parametrize("axes", [[0], [1], [0, 1]])
def test_optimized_kernels_start_at_the_first_element(axes: list[int]) -> None:
    """So an infinity stays where the reference kernel makes the end of finite numbers of it; NaN is refused."""
    x = np.full((4, 20), np.inf, np.float32)
    case = one(CODE, x, axes, Result(np.float32))
    for kernels in ("reference", "optimized", "xnnpack", "xnnpack@litert-2.3"):
        assert check(case, kernels) > 0
    (y,) = Interpreter(case.model(), kernels="optimized").run(case.feeds())
    assert (y == np.inf).all()
    x[1, 1] = np.nan
    with pytest.raises(UnsupportedError, match="NaN is not known"):
        Interpreter(case.model(), kernels="optimized").run([x])

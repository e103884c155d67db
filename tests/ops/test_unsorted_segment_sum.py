from __future__ import annotations

import numpy as np

from tests import movement
from tests.one_op import check, matches_reference
from tests.segments import one, refuses_what_cannot_be, run, unsorted
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.UNSORTED_SEGMENT_SUM
CASES = {name: unsorted(CODE, movement.DTYPES[name]) for name in ("float32", "int32")}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    x = np.array([2, 5, 9, 3, 7], np.int32)
    assert run(one(CODE, x, [0, 2, -1, 0, 2], 3)) == [5, 0, 12]


def test_many_elements_in_one_segment() -> None:
    x = np.random.default_rng(7).normal(1, 0.01, (3000, 2)).astype(np.float32)
    assert check(one(CODE, x, np.arange(3000) % 3, 4)) == 8


def test_nan_and_infinity() -> None:
    x = np.array([np.nan, 1, -np.inf, np.inf, np.nan], np.float32)
    assert check(one(CODE, x, [0, 0, 1, 2, 3], 4)) == 4


def test_models_that_cannot_be() -> None:
    refuses_what_cannot_be(CODE)

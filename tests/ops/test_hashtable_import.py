from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import ShapeError
from qcore.interpreter import Interpreter
from tests.movement import same_as_tflite
from tests.one_op import matches_reference
from tests.ops.test_hashtable import NUMBERS, TEXTS, cases, strings, table_model
from tflite_schema import BuiltinOperator

CASES = cases(BuiltinOperator.HASHTABLE_IMPORT)
test_matches_reference = matches_reference(CASES)


def test_a_second_import_changes_nothing() -> None:
    more = np.array([7, 8], np.int64), strings(b"other", b"eight")
    keys = np.array([7, 8], np.int64)
    model = table_model([(NUMBERS, TEXTS), more], keys, strings(b"none"))
    found, size = same_as_tflite(model, [keys], optimized=True)
    assert found.tolist() == [b"seven", b"none"]
    assert size.tolist() == [3]


def test_of_equal_keys_the_first_counts() -> None:
    keys = np.array([7], np.int64)
    pairs = np.array([7, 7], np.int64), strings(b"first", b"second")
    found, size = same_as_tflite(table_model([pairs], keys, strings(b"")), [keys], optimized=True)
    assert found.tolist() == [b"first"]
    assert size.tolist() == [1]


def test_refusals() -> None:
    model = table_model([(NUMBERS, TEXTS[:2])], NUMBERS, strings(b""))
    with pytest.raises(ShapeError, match=r"keys of shape \(3,\) and values of shape \(2,\)"):
        Interpreter(model).run([NUMBERS])

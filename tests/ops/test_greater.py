from __future__ import annotations

from tests import comparison
from tests.one_op import matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.GREATER
CASES = comparison.cases(CODE, "bfloat16")
test_matches_reference = matches_reference(CASES)


def test_every_pair_of_int8_numbers() -> None:
    comparison.check_every_pair_of_int8_numbers(CODE)


def test_refusals() -> None:
    comparison.check_refusals(CODE)


def test_by_hand() -> None:
    comparison.check_by_hand(CODE, [False, False, True])

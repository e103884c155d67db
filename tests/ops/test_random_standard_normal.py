from __future__ import annotations

from tests.drawing import case, drawn, refuses_what_cannot_be
from tests.one_op import check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.RANDOM_STANDARD_NORMAL
CASES = {"float32": drawn(CODE, tolerance=1e-6)}
test_matches_reference = matches_reference(CASES)


def test_the_sequence_goes_on_after_an_odd_number() -> None:
    assert check(case(CODE, [5], 1, 2, tolerance=1e-6, invocations=3)) == 5


def test_models_that_cannot_be() -> None:
    refuses_what_cannot_be(CODE)

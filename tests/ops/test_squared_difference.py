from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.SQUARED_DIFFERENCE


def result_scale(a: float, b: float) -> st.SearchStrategy[float]:
    """TFLite requires (2 max(sa, sb))^2 / (2^14 sy) to be below 1."""
    return st.one_of(st.just(a * b), strategies.scales()).map(lambda y: y + max(a, b) ** 2 / 4095)


CASES = {
    "float32": binary(CODE, np.float32),
    "int32": binary(CODE, np.int32),
    "int8": binary(CODE, np.int8, result_scale=result_scale),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scales", [(0.5, 0.5, 1.0), (1.0, 0.5, 4.0), (0.1, 0.1, 0.1)])
def test_every_pair_of_int8_numbers(scales: tuple[float, float, float]) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    assert check(OneOp(CODE, [Operand(a, scales[0], 3), Operand(b, scales[1])], [Result(np.int8, scales[2])])) == 65536


def test_a_result_scale_that_is_too_small_is_refused() -> None:
    x = Operand(np.zeros(3, np.int8), 1.0)
    with pytest.raises(QCoreError, match="between 0 and 1"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.int8, 2.0**-12)]).model()).allocate_tensors()


def test_by_hand() -> None:
    a, b = np.array([1, -3], np.int32), np.array([4, 2], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [9, 25]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.int32)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, DivOptions

CODE = BuiltinOperator.DIV
OPTIONS = st.builds(DivOptions, fused_activation_function=strategies.FUSED)


def not_zero(case: OneOp, most_negative: bool = False) -> OneOp:
    """The case without zeros in operand 1, and without the quotients on which TFLite's process dies."""
    a, b = case.operands
    assert a is not None
    assert b is not None
    bad = (b.value == b.zero_point) | (b.value == 0)  # TensorFlow 2.21 fails on stored zeros, whatever the zero point
    if most_negative:
        bad |= b.value == -1
    divisor = np.where(bad, 3 if b.zero_point != 3 else 4, b.value).astype(b.value.dtype)
    return replace(case, operands=[a, replace(b, value=divisor)])


def quantized(dtype: Any) -> st.SearchStrategy[OneOp]:
    def result_scale(a: float, b: float) -> st.SearchStrategy[float]:
        """The kernel's shifts hold sa / (sb sy) up to 2^23, for int16 2^16."""
        return strategies.scales().map(lambda y: max(y, a / b * (2**-15 if dtype is np.int16 else 2**-22)))

    return binary(CODE, dtype, options=OPTIONS, result_scale=result_scale).map(not_zero)


CASES = {
    "float32": binary(CODE, np.float32, options=OPTIONS),
    "int32": binary(CODE, np.int32, options=OPTIONS).map(lambda case: not_zero(case, True)),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scales", [(0.5, 0.5, 0.5), (0.02, 0.02, 0.05), (1.0, 0.25, 0.01), (0.001, 0.5, 1.0)])
def test_every_pair_of_int8_numbers(scales: tuple[float, float, float]) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 127, dtype=np.int8))
    for zero_point in (-128, 3):
        divisor = np.where((b == 0) | (b == zero_point), 100, b).astype(np.int8)
        operands = [Operand(a, scales[0], -5), Operand(divisor, scales[1], zero_point)]
        assert check(OneOp(CODE, operands, [Result(np.int8, scales[2], 1)], DivOptions())) == 65280


def test_a_stored_zero_is_a_number_as_any() -> None:
    a, b = Operand(np.array([100], np.int8), 0.5), Operand(np.array([0], np.int8), 0.5, -4)
    case = OneOp(CODE, [a, b], [Result(np.int8, 0.25)], DivOptions())
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [100]  # 50 / 2 = 25 = 100 * 0.25


def test_a_quantized_division_by_the_zero_point_is_refused() -> None:
    a, b = Operand(np.ones(3, np.int8), 0.5), Operand(np.array([1, 7, 2], np.int8), 0.5, 7)
    case = OneOp(CODE, [a, b], [Result(np.int8, 0.5)], DivOptions())
    with pytest.raises(QCoreError, match="stored as 7"):
        Interpreter(case.model()).run(case.feeds())


@pytest.mark.parametrize("dtype", [np.int32])
def test_division_by_zero_is_refused(dtype: Any) -> None:
    case = OneOp(CODE, [Operand(np.ones(3, dtype)), Operand(np.array([1, 0, 2], dtype))], [Result(dtype)], DivOptions())
    with pytest.raises(QCoreError, match="division has no result"):
        Interpreter(case.model()).run(case.feeds())


def test_by_hand() -> None:
    a, b = np.array([7, -7], np.int32), np.array([2, 2], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)], DivOptions())
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [3, -3]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(
        CODE, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.int32)], DivOptions()
    )
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()

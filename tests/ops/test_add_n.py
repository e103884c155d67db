from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import values
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.ADD_N


@st.composite
def sums(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(0, 4))))
    operands = [Operand(draw(values(shape, dtype))) for _ in range(draw(st.integers(2, 5)))]
    return OneOp(CODE, operands, [Result(dtype)])


CASES = {"float32": sums(np.float32), "int32": sums(np.int32)}
test_matches_reference = matches_reference(CASES)


def test_shapes_do_not_broadcast() -> None:
    case = OneOp(CODE, [Operand(np.zeros((2, 3), np.float32)), Operand(np.zeros(3, np.float32))], [Result(np.float32)])
    with pytest.raises(QCoreError, match="one shape"):
        Interpreter(case.model()).allocate_tensors()


def test_one_operand_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.float32)])
    with pytest.raises(QCoreError, match="2 operands or more"):
        Interpreter(case.model()).allocate_tensors()


def test_by_hand() -> None:
    a, b = np.array([1, 2], np.int32), np.array([3, 4], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.int32)])
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [4, 6]

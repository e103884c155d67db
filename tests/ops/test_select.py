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

CODE = BuiltinOperator.SELECT


@st.composite
def select(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(1, 4))))
    condition = draw(st.sampled_from([shape, (), shape[:1]]))
    x, y = draw(values(shape, dtype)), draw(values(shape, dtype))
    return OneOp(
        CODE, [Operand(draw(values(condition, np.bool_))), Operand(x), Operand(y)], [Result(dtype, shape=shape)]
    )


DTYPES = {
    "bool": np.bool_,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "float16": np.float16,
    "float32": np.float32,
}
CASES = {name: select(dtype) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_a_condition_chooses_rows() -> None:
    x, y = np.array([[1, 2], [3, 4]], np.int32), np.zeros((2, 2), np.int32)
    case = OneOp(CODE, [Operand(np.array([True, False])), Operand(x), Operand(y)], [Result(np.int32)])
    assert check(case) == 4
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[1, 2], [0, 0]]


def test_single_elements_keep_the_shape_of_the_file() -> None:
    one = np.ones((1, 1), np.int32)
    condition = np.array([True])
    for shape in ((), (1,), (1, 1, 1)):
        check(OneOp(CODE, [Operand(condition), Operand(one), Operand(one[0])], [Result(np.int32, shape=shape)]))


@pytest.mark.parametrize(
    ("condition", "x", "y"), [((3,), (2, 3), (2, 3)), ((2,), (2, 3), (2, 1)), ((2, 1), (2, 3), (2, 3))]
)
def test_shapes_that_do_not_fit_are_refused(condition: Any, x: Any, y: Any) -> None:
    operands = [Operand(np.zeros(condition, np.bool_)), Operand(np.zeros(x, np.int32)), Operand(np.zeros(y, np.int32))]
    with pytest.raises(QCoreError, match="shape"):
        Interpreter(OneOp(CODE, operands, [Result(np.int32)]).model()).allocate_tensors()


def test_a_condition_of_numbers_is_refused() -> None:
    x = Operand(np.zeros(3, np.int32))
    with pytest.raises(QCoreError, match="must be bool"):
        Interpreter(OneOp(CODE, [x, x, x], [Result(np.int32)]).model()).allocate_tensors()

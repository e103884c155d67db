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

CODE = BuiltinOperator.SELECT_V2


@st.composite
def select(draw: st.DrawFn, dtype: Any) -> OneOp:
    full = draw(strategies.shapes(draw(st.integers(1, 5)), 4))

    def thinned() -> tuple[int, ...]:
        kept = tuple(n if draw(st.booleans()) else 1 for n in full)
        return draw(st.sampled_from([full, kept, kept[1:], ()]))

    shapes = [thinned(), thinned(), thinned()]
    operands = [Operand(draw(values(shapes[0], np.bool_)))]
    operands += [Operand(draw(values(shape, dtype)), constant=draw(st.booleans())) for shape in shapes[1:]]
    return OneOp(CODE, operands, [Result(dtype, shape=np.broadcast_shapes(*shapes))])


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


def test_a_condition_broadcasts_along_the_last_dimension() -> None:
    x, y = np.array([[1, 2], [3, 4]], np.int32), np.zeros((2, 2), np.int32)
    case = OneOp(CODE, [Operand(np.array([True, False])), Operand(x), Operand(y)], [Result(np.int32)])
    assert check(case) == 4
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[1, 0], [3, 0]]


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    operands = [
        Operand(np.zeros(2, np.bool_)),
        Operand(np.zeros((2, 3), np.int32)),
        Operand(np.zeros((2, 3), np.int32)),
    ]
    with pytest.raises(QCoreError, match="do not broadcast"):
        Interpreter(OneOp(CODE, operands, [Result(np.int32)]).model()).allocate_tensors()

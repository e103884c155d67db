from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import values
from tests.movement import tensor_type_of
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.ATAN2


@st.composite
def pair(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(0, 4))))
    a, b = draw(values(shape, dtype)), draw(values(shape, dtype))
    type_ = tensor_type_of(dtype)
    tolerance = {np.float16: 2e-3, "bfloat16": 2e-2}.get(dtype, 1e-6)
    operands = [Operand(a, type=type_), Operand(b, type=type_)]
    return OneOp(CODE, operands, [Result(a.dtype, type=type_)], tolerance=tolerance)


DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": "bfloat16"}
CASES = {name: pair(dtype) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


def test_axes_and_infinities() -> None:
    grid = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan], np.float32)
    a, b = np.meshgrid(grid, grid)
    assert check(OneOp(CODE, [Operand(a), Operand(b)], [Result(np.float32)])) == 49


def test_shapes_do_not_broadcast() -> None:
    case = OneOp(CODE, [Operand(np.zeros((2, 3), np.float32)), Operand(np.zeros(3, np.float32))], [Result(np.float32)])
    with pytest.raises(QCoreError, match="one shape"):
        Interpreter(case.model()).allocate_tensors()

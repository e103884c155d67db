from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import values, zero_point_for
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.PRELU


@st.composite
def prelu(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(1, 4))))
    kept = tuple(n if draw(st.booleans()) else 1 for n in shape)
    alpha_shape = kept[draw(st.integers(0, len(kept) - 1)) :]
    constant = draw(st.booleans())
    x = draw(values(shape, dtype))
    if dtype is np.float32:
        alpha = Operand(draw(values(alpha_shape, dtype)), constant=constant)
        return OneOp(CODE, [Operand(x), alpha], [Result(dtype)])
    alpha_dtype = np.int8 if dtype is np.int16 else dtype
    alpha = Operand(
        draw(values(alpha_shape, alpha_dtype)),
        draw(strategies.scales()),
        draw(strategies.zero_points(alpha_dtype)),
        constant=constant,
    )
    return OneOp(
        CODE,
        [Operand(x, draw(strategies.scales()), draw(zero_point_for(dtype))), alpha],
        [Result(dtype, draw(strategies.scales()), draw(zero_point_for(dtype)))],
    )


CASES = {
    "float32": prelu(np.float32),
    "int8": prelu(np.int8),
    "uint8": prelu(np.uint8),
    "int16": prelu(np.int16),
}
test_matches_reference = matches_reference(CASES)


def test_every_int8_number_and_alpha() -> None:
    x, alpha = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    assert check(OneOp(CODE, [Operand(x, 0.5, 3), Operand(alpha, 0.25, -1)], [Result(np.int8, 1.0)])) == 65536


def test_alpha_must_not_enlarge_the_result() -> None:
    x, alpha = Operand(np.zeros((1, 3), np.float32)), Operand(np.zeros((2, 3), np.float32))
    with pytest.raises(QCoreError, match="does not broadcast to"):
        Interpreter(OneOp(CODE, [x, alpha], [Result(np.float32)]).model()).allocate_tensors()


def test_another_alpha_type_is_refused() -> None:
    x, alpha = Operand(np.zeros(3, np.int8), 0.5), Operand(np.zeros(3, np.uint8), 0.5)
    with pytest.raises(QCoreError, match="do not fit together"):
        Interpreter(OneOp(CODE, [x, alpha], [Result(np.int8, 0.5)]).model()).allocate_tensors()

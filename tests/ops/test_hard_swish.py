from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.HARD_SWISH


@st.composite
def quantized(draw: st.DrawFn, dtype: Any) -> OneOp:
    case = draw(unary(CODE, dtype))
    x = case.operands[0]
    assert x is not None
    # TFLite requires sx / 128 / sy < 1.
    y_scale = max(float(case.results[0].scale), float(x.scale) / 127)
    return OneOp(CODE, [x], [Result(dtype, y_scale, case.results[0].zero_point)])


CASES = {"float32": unary(CODE, np.float32), "int8": quantized(np.int8), "uint8": quantized(np.uint8)}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scale", [0.5, 0.05, 2.0, 1 / 64, 1 / 1024])
def test_every_int8_number(scale: float) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, scale, 3)], [Result(np.int8, scale, -3)]))


@pytest.mark.parametrize("ratio", [2.0**-8, 2.0**-9, 2.0**-10, 2.0**-14])
def test_a_shift_of_16_and_more_never_gives_zero(ratio: float) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, 1.5 * ratio, 10)], [Result(np.int8, 1.5, -12)]))


def test_a_much_smaller_result_scale_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int8), 1.0)], [Result(np.int8, 1 / 256)])
    with pytest.raises(QCoreError, match="too small"):
        Interpreter(case.model()).allocate_tensors()

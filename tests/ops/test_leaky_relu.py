from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, LeakyReluOptions

CODE = BuiltinOperator.LEAKY_RELU
ALPHA = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, -0.5, 0.3]), st.floats(-2, 2, width=32)).map(
    lambda alpha: LeakyReluOptions(alpha=alpha)
)
DTYPES = {"float32": np.float32, "int8": np.int8, "uint8": np.uint8, "int16": np.int16}
CASES = {name: unary(CODE, dtype, options=ALPHA) for name, dtype in DTYPES.items()}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("kernels", ["reference", "reference@litert-2.3", "optimized@litert-2.3", "xnnpack@litert-2.3"])
@pytest.mark.parametrize("alpha", [0.5, -0.5, 0.0, 1.0])
def test_every_int8_number(alpha: float, kernels: str) -> None:
    """LiteRT 2.3 turns halves another way where alpha is below 0."""
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, 0.5, 3)], [Result(np.int8, 1.0, -3)], LeakyReluOptions(alpha=alpha)), kernels)


def test_every_int16_number() -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    assert check(OneOp(CODE, [Operand(x, 0.5)], [Result(np.int16, 1.0)], LeakyReluOptions(alpha=0.3))) == 65536


def test_alpha_that_is_no_number_is_refused() -> None:
    case = OneOp(
        CODE, [Operand(np.zeros(3, np.int8), 0.5)], [Result(np.int8, 0.5)], LeakyReluOptions(alpha=float("nan"))
    )
    with pytest.raises(QCoreError, match="scales cannot be used"):
        Interpreter(case.model()).allocate_tensors()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, TensorType

CODE = BuiltinOperator.TANH
CASES = {
    "float32": unary(CODE, np.float32, tolerance=1e-6),  # tanhf is off by an ulp now and then
    "float16": unary(CODE, np.float16),
    "bfloat16": unary(CODE, "bfloat16"),
    "int8": unary(CODE, np.int8),
    "uint8": unary(CODE, np.uint8),
    "int16": unary(CODE, np.int16, result=st.just((1 / 32768, 0))),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_every_16_bit_float(name: str) -> None:
    bits = np.arange(65536, dtype=np.uint16)
    if name == "bfloat16":
        case = OneOp(CODE, [Operand(bits, type=TensorType.BFLOAT16)], [Result(np.uint16, type=TensorType.BFLOAT16)])
    else:
        case = OneOp(CODE, [Operand(bits.view(np.float16))], [Result(np.float16)])
    assert check(case) == 65536


@pytest.mark.parametrize("scale", [1 / 4096, 1 / 2048, 1 / 8192, 0.0003, 0.5, 1e-6])
def test_every_int16_number(scale: float) -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    assert check(OneOp(CODE, [Operand(x, scale)], [Result(np.int16, 1 / 32768)])) == 65536


def test_another_int16_result_scale_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int16), 0.5)], [Result(np.int16, 1 / 128)])
    with pytest.raises(QCoreError, match="result's scale must be"):
        Interpreter(case.model()).allocate_tensors()


def test_optimized_int16_of_a_power_of_two() -> None:
    x = np.arange(-32768, 32768, 3, dtype=np.int16)
    for scale in (2.0**-12, 2.0**-11, 2.0**-13):
        case = OneOp(BuiltinOperator.TANH, [Operand(x, scale)], [Result(np.int16, 1 / 32768)])
        assert check(case, "optimized") == x.size

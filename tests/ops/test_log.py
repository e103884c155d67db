from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.LOG
DTYPES = {"int8": np.int8, "int16": np.int16}
CASES = {name: unary(CODE, dtype) for name, dtype in DTYPES.items()}
CASES["float32"] = unary(CODE, np.float32, tolerance=1e-6)  # logf is off by an ulp now and then
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scale", [1 / 8192, 0.001, 0.1])
def test_every_int16_number(scale: float) -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    assert check(OneOp(CODE, [Operand(x, scale)], [Result(np.int16, 0.001)])) == 65536


def test_a_missing_scale_is_refused() -> None:
    with pytest.raises(QCoreError, match="no quantization scale"):
        Interpreter(OneOp(CODE, [Operand(np.zeros(3, np.int8))], [Result(np.int8)]).model()).allocate_tensors()

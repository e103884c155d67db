from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, QCoreError
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.ELU
CASES = {
    "float32": unary(CODE, np.float32, optimized=True, tolerance=1e-6),
    "int8": unary(CODE, np.int8, optimized=True),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scale", [0.02, 0.05, 0.1])
def test_every_int8_number(scale: float) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, scale, 3)], [Result(np.int8, scale / 2, -100)], optimized=True))


def test_a_missing_scale_is_refused() -> None:
    with pytest.raises(QCoreError, match="no quantization scale"):
        Interpreter(OneOp(CODE, [Operand(np.zeros(3, np.int8))], [Result(np.int8)]).model()).allocate_tensors()

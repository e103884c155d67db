from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import unary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, GeluOptions

CODE = BuiltinOperator.GELU
OPTIONS = st.builds(GeluOptions, approximate=st.booleans())


def with_four(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Data with a 4 among them: the tolerance is of the range, and near -2 the terms of the approximation cancel."""
    return strategies.floats(shape).map(lambda x: np.where(np.arange(x.size).reshape(shape) == 0, np.float32(4), x))


CASES = {
    "float32": unary(CODE, np.float32, options=OPTIONS, data=with_four, tolerance=1e-6),
    "int8": unary(CODE, np.int8, options=OPTIONS),
    "uint8": unary(CODE, np.uint8, options=OPTIONS),
    "int16": unary(CODE, np.int16, options=OPTIONS),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("scale", [0.02, 0.05, 0.1])
def test_every_int8_number(scale: float, approximate: bool) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    check(OneOp(CODE, [Operand(x, scale, 3)], [Result(np.int8, scale / 2, -100)], GeluOptions(approximate=approximate)))


def test_numbers_outside_int32() -> None:
    for dtype, zero_point in ((np.int8, 0), (np.uint8, 128)):
        x = np.arange(256, dtype=np.uint8).view(dtype)
        for scale in (1e8, 1e30, 3e38):
            check(OneOp(CODE, [Operand(x, scale, zero_point)], [Result(dtype, 1.0, 5)], GeluOptions()))


def test_nan_and_infinities() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -40.0, 40.0], np.float32)
    for approximate in (False, True):
        check(OneOp(CODE, [Operand(x)], [Result(np.float32)], GeluOptions(approximate=approximate)))


def test_a_missing_scale_is_refused() -> None:
    with pytest.raises(QCoreError, match="no quantization scale"):
        Interpreter(OneOp(CODE, [Operand(np.zeros(3, np.int8))], [Result(np.int8)]).model()).allocate_tensors()

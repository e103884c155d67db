"""What only TFLite can tell: its kernels' answers where the C++ source leaves the behaviour to the machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.numerics import affine, lut
from qcore.tflite import to_bytes
from tests import oracle
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator


def answer(code: BuiltinOperator, x: Operand, result: Result) -> NDArray[Any]:
    return oracle.outputs(to_bytes(OneOp(code, [x], [result]).model()), [x.value])[0]


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.int8, -128), (np.int8, -3), (np.int8, 5), (np.uint8, 255)])
@pytest.mark.parametrize("scale", [1.0, 0.37, 2.0**-20])
def test_quantize_far_outside_the_range_and_on_ties(dtype: Any, zero_point: int, scale: float) -> None:
    far = [np.nan, np.inf, -np.inf, 3e9, -3e9, 2.0**31, -(2.0**31), 2147483520, 1e38, 0.49999997]
    ties = (np.arange(-300, 300) + 0.5) * np.float32(scale)
    x = np.concatenate([far, ties]).astype(np.float32)
    theirs = answer(BuiltinOperator.QUANTIZE, Operand(x), Result(dtype, scale, zero_point))
    assert np.array_equal(affine.quantize(x, scale, zero_point, dtype), theirs)


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 2.0**-13, 1 / 3000, 0.003])
def test_int16_sigmoid_table_on_every_input(scale: float) -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    theirs = answer(BuiltinOperator.LOGISTIC, Operand(x, scale), Result(np.int16, 2.0**-15))
    ours = lut.logistic_int16_table(x, *lut.sigmoid_table_multiplier(scale, (0,)))
    assert np.array_equal(ours, theirs)
    theirs = answer(BuiltinOperator.TANH, Operand(x, scale), Result(np.int16, 2.0**-15))
    ours = lut.tanh_int16_table(x, *lut.sigmoid_table_multiplier(scale, (0, 1)))
    assert np.array_equal(ours, theirs)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.reduction import one, reduction, refuses, run
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.REDUCE_PROD


@st.composite
def quantized(draw: st.DrawFn, dtype: type[np.int8] | type[np.int16]) -> OneOp:
    """Scales near each other and near one, so that products of several factors stay in the range."""
    case = draw(reduction(CODE, dtype, 2, empty=False))
    x, axes = case.operands
    assert x is not None
    zero_point = 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
    scale = draw(st.sampled_from([1 / 32, 1 / 128, 1 / 100, 0.5, 1.0, 3.0]))
    result = Result(dtype, draw(st.sampled_from([1 / 64, 0.1, 1.0, 100.0])), zero_point)
    return OneOp(CODE, [Operand(x.value, scale, x.zero_point), axes], [result], case.options, 2)


@st.composite
def plain_bytes(draw: st.DrawFn) -> OneOp:
    """uint8 without scales: the product wraps."""
    case = draw(reduction(CODE, np.uint8, 2, empty=False))
    x, axes = case.operands
    assert x is not None
    return OneOp(CODE, [Operand(x.value), axes], [Result(np.uint8)], case.options, 2)


CASES = {
    name: reduction(CODE, movement.DTYPES[name], same_scale=True) for name in ("float32", "int32", "int64", "bool")
}
CASES |= {"uint8": plain_bytes(), "int8": quantized(np.int8), "int16": quantized(np.int16)}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_plain_integers_wrap(dtype: type[np.int8]) -> None:
    x = np.array([[100, 3, 7], [2, 99, 5]]).astype(dtype)
    assert np.array_equal(run(one(CODE, x, [1], Result(dtype))), np.array([2100, 990]).astype(dtype))
    for kernels in ("reference", "optimized"):
        assert check(one(CODE, x, [1], Result(dtype)), kernels) == 2


def test_by_hand() -> None:
    x = np.array([[4, 6], [-3, 5]], np.int8)  # 2 * 3 = 6 and -1.5 * 2.5 = -3.75
    assert run(one(CODE, x, [1], Result(np.int8, 0.25), 0.5)).tolist() == [24, -15]


def test_models_that_cannot_be() -> None:
    x = np.zeros((2, 3), np.int8)
    refuses(CODE, x, [2], Result(np.int8, 0.5), "axis 2 is outside a rank of 2", 0.5)
    refuses(CODE, x, [0], Result(np.int8), "no quantization scale", 0.5)
    refuses(CODE, x.astype(np.uint8), [0], Result(np.uint8, 0.5), "quantized uint8", 0.5)
    refuses(CODE, np.zeros((2, 0), np.int8), [1], Result(np.int8, 0.5), "no quantized elements", 0.5)
    refuses(CODE, x, [0], Result(np.int8, 1e-30), "multiplier", 2.0)


def test_single_numbers_are_refused_where_the_optimized_kernel_crashes() -> None:
    for axes in ([], [0]):
        case = one(CODE, np.ones((1, 3), np.int8), axes, Result(np.int8, 0.5), 0.5)
        with pytest.raises(UnsupportedError, match="one number is multiplied"):
            Interpreter(case.model(), kernels="optimized").allocate_tensors()

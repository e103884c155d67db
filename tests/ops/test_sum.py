from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, UnsupportedError
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result, Twin, check, matches_reference
from tests.reduction import one, reduction, refuses, run
from tflite_schema import BuiltinOperator, ReducerOptions

CODE = BuiltinOperator.SUM


@st.composite
def int8(draw: st.DrawFn) -> OneOp:
    """TFLite's reference kernel reads int8 and int16 as uint8 and answers nonsense; the uint8 sum is the same."""
    case = draw(reduction(CODE, np.int8, 2, empty=False))
    (x, axes), (y,) = case.operands, case.results
    assert x is not None
    moved = Operand((x.value.astype(np.int16) + 128).astype(np.uint8), x.scale, x.zero_point + 128)
    twin = OneOp(CODE, [moved, axes], [Result(np.uint8, y.scale, y.zero_point + 128)], case.options)
    return Twin(CODE, [x, axes], [y], case.options, 2, twin=twin, back=lambda bytes_: (bytes_ ^ 128).view(np.int8))


@st.composite
def int16(draw: st.DrawFn) -> OneOp:
    """The sum of 2^k numbers is 2^k times their mean, whose result has a scale 2^k times smaller."""
    columns = 2 ** draw(st.integers(0, 4))
    rows = draw(strategies.integers((draw(strategies.batch(9)), columns), np.int16))
    x_scale, y_scale = draw(strategies.scales()), draw(strategies.scales())
    mean = one(BuiltinOperator.MEAN, rows, [1], Result(np.int16, y_scale / columns), x_scale)
    case = one(CODE, rows, [1], Result(np.int16, y_scale), x_scale)
    return Twin(CODE, case.operands, case.results, case.options, 2, twin=mean)


CASES = {name: reduction(CODE, movement.DTYPES[name]) for name in ("float32", "int32", "int64", "uint8", "bool")}
CASES |= {"int8": int8(), "int16": int16()}
test_matches_reference = matches_reference(CASES)


def test_the_reference_kernel_answers_nonsense() -> None:
    """If this fails, TFLite was mended: compare with its own kernel."""
    case = one(CODE, np.array([[1, 2, -3]], np.int8), [1], Result(np.int8, 1.0), 1.0)
    assert case.expected()[0].tolist() != run(case).tolist() == [0]


def test_an_empty_int8_sum_is_zero() -> None:
    case = one(CODE, np.zeros((2, 0), np.int8), [1], Result(np.int8, 0.5, 3), 0.25)
    assert run(case).tolist() == [0, 0]


def test_int8_by_hand() -> None:
    x = np.array([[1, 2, -3], [-100, -100, 1]], np.int8)
    assert run(one(CODE, x, [1], Result(np.int8, 0.5, 3), 0.25, -1)).tolist() == [5, -95]


def test_int16_by_hand() -> None:
    x = np.array([[300, 2, -3], [-30000, -30000, 1]], np.int16)
    assert run(one(CODE, x, [1], Result(np.int16, 0.25), 0.25)).tolist() == [299, -32768]


def test_long_float_sums_keep_the_order_of_the_loop() -> None:
    x = np.random.default_rng(2).normal(size=(3, 37, 41, 5)).astype(np.float32)
    for axes in ([1, 2], [3, 0], [0, 1, 2, 3], [2]):
        assert check(one(CODE, x, axes, Result(np.float32))) > 0


def test_models_that_cannot_be() -> None:
    x = np.zeros((2, 3), np.int8)
    refuses(CODE, x, [2], Result(np.int8, 0.5), "axis 2 is outside a rank of 2", 0.5)
    refuses(CODE, x, [0], Result(np.int8), "no quantization scale", 0.5)
    refuses(CODE, x, [0], Result(np.int8, 0.0), "multiplier", 0.5)


def test_optimized_sums_round_in_float32() -> None:
    x = np.arange(-120, 120, dtype=np.int8).reshape(80, 3)
    for scale in (1.0, 0.75, 3.0):
        case = OneOp(
            BuiltinOperator.SUM,
            [Operand(x, 0.5, 3), Operand(np.array([1], np.int32), constant=True)],
            [Result(np.int8, scale, -1)],
            ReducerOptions(),
        )
        assert check(case, "optimized") == 80


def test_optimized_kernels_write_no_sum_of_nothing() -> None:
    case = OneOp(
        BuiltinOperator.SUM,
        [Operand(np.zeros((0, 3), np.int8), 0.5), Operand(np.array([0], np.int32), constant=True)],
        [Result(np.int8, 0.5)],
        ReducerOptions(),
    )
    with pytest.raises(UnsupportedError, match="sum of nothing"):
        Interpreter(case.model(), kernels="optimized").allocate_tensors()

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.reduction import reduction
from tflite_schema import BuiltinOperator, ReducerOptions

CODE = BuiltinOperator.MEAN
CASES = {
    "float32": reduction(CODE, np.float32),
    "int32": reduction(CODE, np.int32),
    "int64": reduction(CODE, np.int64),
    "uint8": reduction(CODE, np.uint8),
    "int8": reduction(CODE, np.int8, 2),
    "int16": reduction(CODE, np.int16, 3),
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, axes: list[int], result: Result, scale: float | None = 1.0, keep_dims: bool = False) -> OneOp:
    return OneOp(CODE, [Operand(x, scale), movement.constant(axes)], [result], ReducerOptions(keep_dims=keep_dims), 2)


def test_by_hand() -> None:
    x = np.array([[1, 2], [4, -2]], np.int8)  # means 1.5 and 1, in steps of 0.5
    assert Interpreter(to_bytes(case(x, [1], Result(np.int8, 0.5, -3)).model())).run([x])[0].tolist() == [0, -1]


def test_every_sum_of_forty_nine() -> None:
    x = np.random.default_rng(1).integers(-128, 128, (64, 7, 7, 32)).astype(np.int8)
    assert check(case(x, [1, 2], Result(np.int8, 1.0))) == 64 * 32
    assert check(case(x, [1, 2], Result(np.int8, 0.25, 100))) == 64 * 32


def test_long_float_sums_keep_the_order_of_the_loop() -> None:
    x = np.random.default_rng(2).normal(size=(3, 37, 41, 5)).astype(np.float32)
    for axes in ([1, 2], [3, 0], [0, 1, 2, 3], [2]):
        assert check(case(x, axes, Result(np.float32), None)) > 0


@pytest.mark.parametrize(
    ("x", "axes", "result", "message"),
    [
        (np.zeros((2, 3), np.int8), [2], Result(np.int8, 1.0), "axis 2 is outside a rank of 2"),
        (np.zeros((2, 3), np.int8), [-3], Result(np.int8, 1.0), "axis -3"),
        (np.zeros((2, 3), np.int8), [0], Result(np.uint8, 1.0), "one type"),
        (np.zeros((2, 3), np.int8), [0], Result(np.int8, 0.0), "scales"),
        (np.zeros((2, 3), np.int8), [0], Result(np.int8, 1.0, 200), "zero point 200"),
        (np.zeros((2, 3), np.int16), [0], Result(np.int16, 1.0, 1), "zero point 1"),
        (np.zeros((2, 3), np.bool_), [0], Result(np.bool_), "no bool kernel"),
    ],
)
def test_models_that_cannot_be(x: Any, axes: list[int], result: Result, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(case(x, axes, result).model())).run([x])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_image_means_in_vector_code(dtype: Any) -> None:
    """Optimized kernels: ties of 4 equal parts, 37 channels of which vector code takes 32."""
    rng = np.random.default_rng(4)
    x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (3, 2, 2, 37), dtype, endpoint=True)
    for scale, zero_point in ((0.5, 0), (0.5, 7), (1.0, -3 if dtype is np.int8 else 3), (0.75, 100)):
        case = OneOp(
            BuiltinOperator.MEAN,
            [Operand(x, 0.5, zero_point), Operand(np.array([1, 2], np.int32), constant=True)],
            [Result(dtype, scale, 5)],
            ReducerOptions(keep_dims=True),
        )
        assert check(case, "optimized") == 3 * 37


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_xnnpack_rounds_means_in_float32(dtype: Any) -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (3, 2, 2, 37), dtype, endpoint=True)
    for scale, zero_point in ((0.5, 0), (0.5, 7), (1.0, 3), (0.75, 100)):
        for axes, results in (([1, 2], 3 * 37), ([3], 12)):
            operands = [Operand(x, 0.5, zero_point), Operand(np.array(axes, np.int32), constant=True)]
            case = OneOp(BuiltinOperator.MEAN, operands, [Result(dtype, scale, 5)], ReducerOptions(keep_dims=True))
            assert check(case, "xnnpack") == results


@pytest.mark.parametrize("axes", [[1, 2], [-3, -2], [2, -3, -3]])
@pytest.mark.parametrize("kernels", ["optimized", "optimized@litert-2.3"])
def test_which_axes_the_optimized_kernels_take_for_an_image(axes: list[int], kernels: str) -> None:
    """TensorFlow asks for 1 and 2 as they are, LiteRT 2.3 for what they mean."""
    x = Operand(np.random.default_rng(0).integers(0, 256, (9, 3, 5, 19)).astype(np.uint8), 1 / 256, 254)
    case = OneOp(
        BuiltinOperator.MEAN,
        [x, movement.constant(axes)],
        [Result(np.uint8, 1 / 512, 254)],
        ReducerOptions(keep_dims=True),
        2,
    )
    assert check(case, kernels) == 9 * 19

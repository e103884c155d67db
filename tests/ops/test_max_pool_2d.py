from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import ModelError, ShapeError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.pooling import pool
from tflite_schema import BuiltinOperator, Padding, Pool2DOptions

CODE = BuiltinOperator.MAX_POOL_2D
CASES = {
    "float32": pool(CODE, np.float32),
    "uint8": pool(CODE, np.uint8),
    "int8": pool(CODE, np.int8),
    "int16": pool(CODE, np.int16),
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, **options: Any) -> OneOp:
    window: dict[str, Any] = {
        "stride_h": 2,
        "stride_w": 2,
        "filter_height": 2,
        "filter_width": 2,
        "padding": Padding.SAME,
    } | options
    return OneOp(CODE, [Operand(x, 0.5)], [Result(x.dtype, 0.5)], Pool2DOptions(**window), 2)


def test_by_hand() -> None:
    x = np.array([[1, -7, 3], [4, 5, -6], [-9, -8, -2]], np.int8).reshape(1, 3, 3, 1)
    assert Interpreter(to_bytes(case(x).model())).run([x])[0].reshape(2, 2).tolist() == [[5, 3], [-8, -2]]


def test_nan_and_infinity() -> None:
    x = np.array([np.nan, 1, -np.inf, -np.inf, np.nan, np.nan, np.inf, 2], np.float32).reshape(1, 1, 8, 1)
    check(OneOp(CODE, [Operand(x)], [Result(np.float32)], case(x).options))


def test_a_window_far_larger_than_the_image_costs_nothing() -> None:
    x = np.arange(12, dtype=np.int8).reshape(1, 3, 4, 1)
    y = Interpreter(to_bytes(case(x, filter_height=2**30, filter_width=2**30).model())).run([x])[0]
    assert (y == 11).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride_h": 0}, "strides"),
        ({"filter_width": 0}, "kernel"),
        ({"filter_width": -3}, "kernel"),
        ({"padding": Padding.VALID, "filter_height": 9}, "does not fit"),
        ({"padding": 7}, "padding"),
    ],
)
def test_windows_that_cannot_be(options: dict[str, Any], message: str) -> None:
    x = np.zeros((1, 3, 3, 1), np.int8)
    with pytest.raises((ShapeError, ModelError), match=rf"operator 0 MAX_POOL_2D: .*{message}"):
        Interpreter(to_bytes(case(x, **options).model())).run([x])

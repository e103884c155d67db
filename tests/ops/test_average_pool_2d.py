from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.pooling import pool
from tflite_schema import ActivationFunctionType, BuiltinOperator, Padding, Pool2DOptions

CODE = BuiltinOperator.AVERAGE_POOL_2D
CASES = {
    "float32": pool(CODE, np.float32, tolerance=1e-5),
    "uint8": pool(CODE, np.uint8),
    "int8": pool(CODE, np.int8),
    "int16": pool(CODE, np.int16),
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, result: Result | None = None, **options: Any) -> OneOp:
    window: dict[str, Any] = {
        "stride_h": 2,
        "stride_w": 2,
        "filter_height": 2,
        "filter_width": 2,
        "padding": Padding.SAME,
    } | options
    return OneOp(CODE, [Operand(x, 0.5)], [result or Result(x.dtype, 0.5)], Pool2DOptions(**window), 2)


def test_halves_go_away_from_zero() -> None:
    x = np.array([1, 2, -1, -2, 3, -3], np.int8).reshape(1, 1, 6, 1)
    tie = case(x)
    assert Interpreter(to_bytes(tie.model())).run([x])[0].reshape(-1).tolist() == [2, -2, 0]
    assert check(tie) == 3


def test_float_sums_are_exact_where_there_are_channels() -> None:
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 5)).astype(np.float32)
    window = case(x, filter_height=8, filter_width=7).options
    assert check(OneOp(CODE, [Operand(x)], [Result(np.float32)], window)) == 250


@pytest.mark.parametrize(
    ("x", "result", "options", "message"),
    [
        (np.zeros((3, 3, 1), np.int8), None, {}, "expected .batch"),
        (np.zeros((1, 3, 3, 1), np.int8), Result(np.uint8, 0.5), {}, "one type"),
        (np.zeros((1, 3, 3, 1), np.int8), Result(np.int8), {}, "no quantization scale"),
        (np.zeros((1, 3, 3, 1), np.int8), Result(np.int8, 0.5, 300), {}, "zero point 300"),
        (np.zeros((1, 3, 3, 1), np.int16), Result(np.int16, 0.5, 3), {}, "must be in .0, 0."),
        (np.zeros((1, 3, 3, 1), np.int32), None, {}, "no int32 kernel"),
        (
            np.zeros((1, 3, 3, 1), np.int8),
            None,
            {"fused_activation_function": ActivationFunctionType.TANH},
            "TANH has no kernel",
        ),
    ],
)
def test_models_that_cannot_be(x: Any, result: Result | None, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ShapeError, ModelError, UnsupportedError), match=message):
        Interpreter(to_bytes(case(x, result, **options).model())).run([x])

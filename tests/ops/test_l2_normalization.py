from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, L2NormOptions

CODE = BuiltinOperator.L2_NORMALIZATION
RESULTS = {np.int8: Result(np.int8, 1 / 128, 0), np.uint8: Result(np.uint8, 1 / 128, 128)}
OPTIONS = L2NormOptions()


@st.composite
def quantized(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = (*draw(strategies.shapes(draw(st.integers(0, 3)))), draw(st.integers(1, 40)))
    x = Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), draw(strategies.zero_points(dtype)))
    return OneOp(CODE, [x], [RESULTS[dtype]], OPTIONS, 2)


@st.composite
def floats(draw: st.DrawFn) -> OneOp:
    x = Operand(draw(strategies.floats(draw(strategies.shapes(draw(st.integers(1, 4)))))))
    return OneOp(CODE, [x], [Result(np.float32)], OPTIONS)


CASES = {"float32": floats(), "uint8": quantized(np.uint8), "int8": quantized(np.int8)}
test_matches_reference = matches_reference(CASES)


def case(x: Any, result: Result, zero_point: int = 0, options: L2NormOptions = OPTIONS) -> OneOp:
    return OneOp(CODE, [Operand(x, 0.5, zero_point)], [result], options, 2)


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.int8, -128), (np.int8, 127), (np.uint8, 0), (np.uint8, 255)])
def test_long_vectors(dtype: Any, zero_point: int) -> None:
    x = np.random.default_rng(4).integers(0, 128, (3, 30000)).astype(dtype)
    assert check(case(x, RESULTS[dtype], zero_point)) == 90000


def test_by_hand() -> None:
    x = np.array([[3, -4], [0, 0], [5, 0]], np.int8)
    y = Interpreter(to_bytes(case(x, RESULTS[np.int8]).model())).run([x])[0]
    assert y.tolist() == [[77, -102], [0, 0], [127, 0]]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((), np.int8), RESULTS[np.int8]), "no last axis"),
        (case(np.zeros((1, 1, 1, 1, 2), np.int8), RESULTS[np.int8]), "5 dimensions"),
        (case(np.zeros((1, 2), np.int8), Result(np.int8, 1 / 64, 0)), "scale 0.015625"),
        (case(np.zeros((1, 2), np.uint8), Result(np.uint8, 1 / 128, 0)), "zero point 0"),
        (case(np.zeros((1, 2), np.int8), RESULTS[np.uint8]), "one type"),
        (case(np.zeros((1, 2), np.int8), RESULTS[np.int8], 200), "zero point 200"),
        (case(np.zeros((1, 2), np.int16), RESULTS[np.int8]), "no int16 kernel"),
        (
            case(
                np.zeros((1, 2), np.int8),
                RESULTS[np.int8],
                0,
                L2NormOptions(fused_activation_function=ActivationFunctionType.RELU),
            ),
            "a fused activation",
        ),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(model.model())).run(model.feeds())

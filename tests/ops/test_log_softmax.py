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
from tflite_schema import BuiltinOperator, LogSoftmaxOptions

CODE = BuiltinOperator.LOG_SOFTMAX
RESULTS = {np.int8: Result(np.int8, 1 / 16, 127), np.uint8: Result(np.uint8, 1 / 16, 255)}


@st.composite
def quantized(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = (*draw(strategies.shapes(draw(st.integers(0, 3)))), draw(st.integers(1, 80)))
    x = Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), draw(strategies.zero_points(dtype)))
    return OneOp(CODE, [x], [RESULTS[dtype]], LogSoftmaxOptions(), 2)


@st.composite
def floats(draw: st.DrawFn) -> OneOp:
    x = Operand(draw(strategies.floats(draw(strategies.shapes(draw(st.integers(1, 5)))))))
    return OneOp(CODE, [x], [Result(np.float32)], LogSoftmaxOptions(), tolerance=1e-6)


CASES = {"float32": floats(), "uint8": quantized(np.uint8), "int8": quantized(np.int8)}
test_matches_reference = matches_reference(CASES)


def case(x: Any, scale: float, result: Result) -> OneOp:
    return OneOp(CODE, [Operand(x, scale)], [result], LogSoftmaxOptions(), 2)


@pytest.mark.parametrize("scale", [2**-6, 0.1, 1 / 3, 2**-24, 200.0])
def test_all_pairs(scale: float) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    x = np.stack([a, b], axis=-1)
    assert check(case(x, scale * 1.01, RESULTS[np.int8])) == 2 * 256 * 256


@pytest.mark.parametrize("length", [1, 2, 3, 7, 100, 500, 1000, 3000, 4000])
def test_sums_of_every_size(length: int) -> None:
    rows = np.random.default_rng(length).integers(-20, 1, (4, length)).astype(np.int8)
    rows[0] = 5
    assert check(case(rows, 0.1, RESULTS[np.int8])) == 4 * length


def test_more_than_4095_equal_values() -> None:
    """TFLite's sum wraps here. Ours stays at 4096, so that y = 127 - 16 * log(4096) = -6.1."""
    x = np.zeros((1, 5000), np.int8)
    (y,) = Interpreter(to_bytes(case(x, 0.1, RESULTS[np.int8]).model())).run([x])
    assert set(y.reshape(-1).tolist()) == {-6}


def test_by_hand() -> None:
    x = np.array([[0, 0], [0, -128]], np.int8)  # log(1/2) = -11.09 / 16; log(1) and less than -15.9
    assert Interpreter(to_bytes(case(x, 1.0, RESULTS[np.int8]).model())).run([x])[0].tolist() == [
        [116, 116],
        [127, -128],
    ]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((), np.int8), 1.0, RESULTS[np.int8]), "no last axis"),
        (case(np.zeros((1, 2), np.int8), 1.0, Result(np.int8, 1 / 16, 0)), "zero point 0"),
        (case(np.zeros((1, 2), np.int8), 1.0, Result(np.int8, 1 / 8, 127)), "scale 0.125"),
        (case(np.zeros((1, 2), np.int8), 1.0, RESULTS[np.uint8]), "one type"),
        (case(np.zeros((1, 2), np.int8), 1e-9, RESULTS[np.int8]), "expected more than 1"),
        (case(np.zeros((1, 2), np.int16), 1.0, RESULTS[np.int8]), "no int16 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(model.model())).run(model.feeds())

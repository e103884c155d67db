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
from tflite_schema import BuiltinOperator, SoftmaxOptions

CODE = BuiltinOperator.SOFTMAX
RESULTS = {
    np.int8: Result(np.int8, 1 / 256, -128),
    np.uint8: Result(np.uint8, 1 / 256, 0),
    np.int16: Result(np.int16, 1 / 32768, 0),
}


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, result: Any) -> OneOp:
    # Rows stay below 512 entries: from a sum of 512 on, the reference kernel stops the process.
    shape = (*draw(strategies.shapes(draw(st.integers(0, 3)))), draw(st.integers(1, 60)))
    scale = draw(strategies.scales())
    zero_point = 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
    options = SoftmaxOptions(beta=draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 0.1, 10.0])))
    x = Operand(draw(strategies.integers(shape, dtype)), scale, zero_point)
    return OneOp(CODE, [x], [RESULTS[result]], options, 3 if dtype is np.int16 else 2)


@st.composite
def floats(draw: st.DrawFn) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(1, 5))))
    options = SoftmaxOptions(beta=draw(st.sampled_from([1.0, 0.5, 3.0])))
    return OneOp(CODE, [Operand(draw(strategies.floats(shape)))], [Result(np.float32)], options, tolerance=1e-6)


CASES = {
    "float32": floats(),
    "uint8": st.one_of(quantized(np.uint8, np.uint8), quantized(np.uint8, np.int16)),
    "int8": st.one_of(quantized(np.int8, np.int8), quantized(np.int8, np.int16)),
    "int16": quantized(np.int16, np.int16),
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, scale: float, result: Result, beta: float = 1.0) -> OneOp:
    return OneOp(CODE, [Operand(x, scale)], [result], SoftmaxOptions(beta=beta), 2)


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0]


@pytest.mark.parametrize("scale", [2**-6, 0.1, 1 / 3, 2**-26, 200.0])
def test_all_pairs(scale: float) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    x = np.stack([a, b], axis=-1)
    assert check(case(x, scale * 1.01, RESULTS[np.int8])) == 2 * 256 * 256


def test_long_rows_below_the_limit() -> None:
    x = np.zeros((1, 511), np.int8)
    assert check(case(x, 0.1, RESULTS[np.int8])) == 511
    rows = np.random.default_rng(0).integers(-128, 128, (8, 1001)).astype(np.uint8)
    assert check(case(rows, 0.1, RESULTS[np.uint8])) == 8 * 1001


@pytest.mark.parametrize("length", [512, 513, 5000])
def test_sums_of_512_and_more_round_to_nothing(length: int) -> None:
    # TFLite's reference kernel stops the process here, so there is nothing to compare with: 1/512 is below half a step.
    assert (run(case(np.full((1, length), 7, np.int8), 0.1, RESULTS[np.int8])) == -128).all()


def test_sums_of_512_and_more_in_16_bits() -> None:
    x = np.full((2, 2048), 7, np.int8)
    assert check(case(x, 0.1, RESULTS[np.int16])) == 4096
    assert (run(case(x, 0.1, RESULTS[np.int16])) == -32768 + 32).all()


def test_by_hand() -> None:
    x = np.array([[0, 0, -128]], np.int8)
    assert run(case(x, 1.0, RESULTS[np.int8])).tolist() == [[0, 0, -128]]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((), np.int8), 1.0, RESULTS[np.int8]), "no last axis"),
        (case(np.zeros((1, 2), np.int8), 1.0, Result(np.int8, 1 / 256, 0)), "zero point is 0"),
        (case(np.zeros((1, 2), np.int8), 1.0, Result(np.int8, 1 / 128, -128)), "scale is 0.0078125"),
        (case(np.zeros((1, 2), np.int8), 1.0, RESULTS[np.uint8]), "UINT8 result"),
        (case(np.zeros((1, 2), np.int8), 1e-9, RESULTS[np.int8]), "expected more than 1"),
        (case(np.zeros((1, 2), np.int8), 1.0, RESULTS[np.int8], beta=-1.0), "expected more than 1"),
        (case(np.zeros((1, 2), np.int8), 1.0, RESULTS[np.int8], beta=float("nan")), "expected more than 1"),
        (case(np.zeros((1, 2), np.int32), 1.0, RESULTS[np.int8]), "no int32 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)


@pytest.mark.parametrize(("dtype", "result"), [(np.int8, np.int8), (np.uint8, np.uint8), (np.int8, np.int16)])
def test_optimized_softmax_ties_and_long_rows(dtype: Any, result: Any) -> None:
    """Powers of two give shares of exactly n + 1/2 steps; 600 equal numbers stop TFLite's reference kernel."""
    low = int(np.iinfo(result).min)
    scale = 1 / 32768 if result is np.int16 else 1 / 256
    for row in (np.zeros(512), np.zeros(600), np.arange(100), np.repeat([1, 40], 24)):
        x = np.stack([row.astype(dtype), row[::-1].astype(dtype)])
        zero_point = 0 if result is np.int16 else low
        case = OneOp(
            BuiltinOperator.SOFTMAX,
            [Operand(x, float(np.log(2)), 0)],
            [Result(result, scale, zero_point)],
            SoftmaxOptions(beta=1.0),
        )
        assert check(case, "optimized") == x.size

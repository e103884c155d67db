from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tests.volumes import options, windows
from tflite_schema import BuiltinOperator, Conv3DOptions, Padding

CODE = BuiltinOperator.CONV_3D


@st.composite
def convolutions(draw: st.DrawFn) -> OneOp:
    volume, kernel, _, made = draw(windows())
    channels, filters = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    x = Operand(draw(strategies.floats((draw(strategies.batch()), *volume, channels))))
    # Sums of order 1: the tolerance is of the result's range, which a fused activation cuts off.
    weights = draw(strategies.floats((*kernel, channels, filters), 1 / np.sqrt(16 * channels * np.prod(kernel))))
    w = Operand(weights, constant=draw(st.booleans()))
    bias = [Operand(draw(strategies.floats((filters,))), constant=True)] if draw(st.booleans()) else []
    return OneOp(CODE, [x, w, *bias], [Result(np.float32)], made, tolerance=1e-5)


CASES = {"float32": convolutions()}
test_matches_reference = matches_reference(CASES)


def case(x: Any, w: Any, bias: Any = None, made: Conv3DOptions | None = None) -> OneOp:
    operands = [Operand(v.astype(np.float32)) for v in (x, w, bias) if v is not None]
    return OneOp(CODE, operands, [Result(np.float32)], made or options(Padding.VALID))


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0]


def test_by_hand() -> None:
    x, w = np.arange(8).reshape(1, 2, 2, 2, 1), np.array([1, 10]).reshape(1, 1, 2, 1, 1)
    assert run(case(x, w, np.array([5]))).reshape(-1).tolist() == [15, 37, 59, 81]


def test_a_dilation_far_larger_than_the_volume_costs_nothing() -> None:
    x, w = np.ones((1, 2, 2, 2, 1)), np.ones((3, 3, 3, 1, 1))
    assert (run(case(x, w, None, options(Padding.SAME, dilations=(2**28,) * 3))) == 1).all()


ONES = np.ones((1, 2, 2, 2, 1))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.ones((2, 2, 2, 1)), np.ones((1, 1, 1, 1, 1))), "expected .batch, depth"),
        (case(ONES, np.ones((1, 1, 1, 1))), "expected five dimensions"),
        (case(ONES, np.ones((1, 1, 1, 2, 1))), "does not take 1 channels"),
        (case(ONES, np.ones((1, 1, 1, 1, 2)), np.ones(3)), "bias of shape .3,. for 2 channels"),
        (case(ONES, np.ones((3, 1, 1, 1, 1))), "does not fit"),
        (case(ONES, np.ones((1, 0, 1, 1, 1))), "is empty"),
        (case(ONES, np.ones((1, 1, 1, 1, 1)), None, options(Padding.SAME, (0, 1, 1))), "strides"),
        (case(ONES, np.ones((1, 1, 1, 1, 1)), None, options(Padding.SAME, dilations=(1, 0, 1))), "dilations"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tests.volumes import options, windows
from tflite_schema import BuiltinOperator, Conv3DOptions, Padding

CODE = BuiltinOperator.CONV_3D_TRANSPOSE


@st.composite
def convolutions(draw: st.DrawFn) -> OneOp:
    large, kernel, small, made = draw(windows())
    channels, filters, batch = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(strategies.batch())
    shape = Operand(np.array([batch, *large, filters], np.int32), constant=draw(st.booleans()))
    # Sums of order 1: the tolerance is of the result's range, which a fused activation cuts off.
    weights = draw(strategies.floats((*kernel, filters, channels), 1 / np.sqrt(16 * channels * np.prod(kernel))))
    w = Operand(weights, constant=draw(st.booleans()))
    x = Operand(draw(strategies.floats((batch, *small, channels))))
    bias = [Operand(draw(strategies.floats((filters,))), constant=True)] if draw(st.booleans()) else []
    return OneOp(CODE, [shape, w, x, *bias], [Result(np.float32)], made, tolerance=1e-5)


CASES = {"float32": convolutions()}
test_matches_reference = matches_reference(CASES)


def case(shape: Any, w: Any, x: Any, bias: Any = None, made: Conv3DOptions | None = None) -> OneOp:
    operands = [movement.constant(shape), *(Operand(v.astype(np.float32)) for v in (w, x, bias) if v is not None)]
    return OneOp(CODE, operands, [Result(np.float32)], made or options(Padding.VALID))


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0]


def test_by_hand() -> None:
    x, w = np.array([2, 3]).reshape(1, 1, 1, 2, 1), np.array([1, 10]).reshape(1, 1, 2, 1, 1)
    assert run(case([1, 1, 1, 3, 1], w, x, np.array([5]))).reshape(-1).tolist() == [7, 28, 35]


ONE = np.ones((1, 1, 1, 1, 1))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case([1, 1, 1, 1], ONE, ONE), "expected five numbers"),
        (case([1, 1, 1, -1, 1], ONE, ONE), "the wanted shape is"),
        (case([2, 1, 1, 1, 1], ONE, ONE), "but there are 1 volumes"),
        (case([1, 1, 1, 1, 2], ONE, ONE), "and 1 filters"),
        (case([1, 1, 1, 2, 1], ONE, ONE), "belongs to an operand of"),
        (case([1, 1, 1, 1, 1], np.ones((1, 1, 1, 1, 2)), ONE), "does not take 1 channels"),
        (case([1, 1, 1, 1, 1], ONE, ONE, np.ones(2)), "bias of shape"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)

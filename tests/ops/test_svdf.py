from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import lstm, rnn, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, SVDFOptions


def sizes(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    """Batch, inputs, units, rank, memory."""
    return (
        draw(strategies.batch()),
        draw(rnn.SIZES),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 3)),
        draw(st.integers(1, 9)),
    )


@st.composite
def floating(draw: st.DrawFn, hybrid: bool) -> OneOp:
    batch, inputs, units, rank, memory = sizes(draw)
    rng = rnn.generator(draw)
    # A single sum without a bias may cancel to almost nothing, and with it the range that the tolerance is a part of.
    has_bias = batch * units < 4 or draw(st.booleans())
    bias = Operand(rnn.floats(rng, units) + np.float32(4), constant=True) if has_bias else None
    return OneOp(
        BuiltinOperator.SVDF,
        [
            Operand(draw(strategies.floats((batch, inputs), spread=1.5))),
            rnn.weights(rng, units * rank, inputs, hybrid=hybrid),
            rnn.weights(rng, units * rank, memory, hybrid=hybrid),
            bias,
            Operand(np.zeros((batch, units * rank * memory), np.float32), variable=True),
        ],
        [Result(np.float32)],
        SVDFOptions(
            rank=rank,
            fused_activation_function=draw(rnn.ACTIVATIONS.filter(lambda a: a != ActivationFunctionType.SIGN_BIT)),
            asymmetric_quantize_inputs=draw(st.booleans()),
        ),
        version=4 if hybrid else 1,
        tolerance=1e-5,
        invocations=draw(st.integers(1, memory + 1)),
    )


@st.composite
def integer(draw: st.DrawFn) -> OneOp:
    batch, inputs, units, rank, memory = sizes(draw)
    rng = rnn.generator(draw)
    x_scale, state_scale, y_scale = draw(strategies.scales()), draw(strategies.scales()), draw(strategies.scales())
    feature_scale = np.float32(draw(lstm.RATIOS) * 4 * state_scale / x_scale)
    time_scale = np.float32(draw(lstm.RATIOS) * 2.0**-19 * y_scale / state_scale)
    bias = (
        Operand(rng.integers(-(2**24), 2**24, units).astype(np.int32), constant=True) if draw(st.booleans()) else None
    )
    return OneOp(
        BuiltinOperator.SVDF,
        [
            Operand(
                draw(strategies.integers((batch, inputs), np.int8)), x_scale, draw(strategies.zero_points(np.int8))
            ),
            Operand(rng.integers(-128, 128, (units * rank, inputs)).astype(np.int8), feature_scale, constant=True),
            Operand(rng.integers(-32768, 32768, (units * rank, memory)).astype(np.int16), time_scale, constant=True),
            bias,
            Operand(np.zeros((batch, units * rank * memory), np.int16), state_scale, variable=True),
        ],
        [Result(np.int8, y_scale, draw(strategies.zero_points(np.int8)))],
        SVDFOptions(rank=rank, fused_activation_function=ActivationFunctionType.RELU),
        version=3,
        invocations=draw(st.integers(1, memory + 1)),
    )


CASES = {"float32": floating(hybrid=False), "hybrid": floating(hybrid=True), "int8": integer()}
test_matches_reference = matches_reference(CASES)


def operands(dtype: Any = np.float32) -> list[Operand | None]:
    """Two units of rank 1, one input, three steps of memory: Wt = 1, 10, 100 and Wf = 1, 2."""
    time = np.array([[1, 10, 100], [1, 10, 100]])
    if dtype == np.float32:
        return [
            Operand(np.ones((1, 1), np.float32)),
            Operand(np.array([[1], [2]], np.float32), constant=True),
            Operand(time.astype(np.float32), constant=True),
            None,
            Operand(np.zeros((1, 6), np.float32), variable=True),
        ]
    return [
        Operand(np.ones((1, 1), np.int8), 1.0),
        Operand(np.array([[1], [2]], np.int8), 1.0, constant=True),
        Operand(time.astype(np.int16), 1.0, constant=True),
        None,
        Operand(np.zeros((1, 6), np.int16), 1.0, variable=True),
    ]


def test_memory_moves_left_by_hand() -> None:
    runner = Interpreter(OneOp(BuiltinOperator.SVDF, operands(), [Result(np.float32)], SVDFOptions(rank=1)).model())
    seen = [runner.run([np.full((1, 1), x, np.float32)])[0][0].tolist() for x in (1, 2, 3, 4)]
    assert seen == [[100, 200], [210, 420], [321, 642], [432, 864]]


@pytest.mark.parametrize(
    ("position", "operand", "message"),
    [
        (0, Operand(np.zeros((1, 3), np.float32)), "operand 0 has 3 columns, weights 1"),
        (2, Operand(np.zeros((3, 3), np.float32), constant=True), "operand 2 has shape"),
        (2, Operand(np.zeros((2, 3), np.int32), constant=True), "is INT32, expected FLOAT32"),
        (3, Operand(np.zeros(3, np.float32), constant=True), "operand 3, the bias"),
        (4, Operand(np.zeros((1, 6), np.float32)), "must be a variable tensor"),
        (4, Operand(np.zeros((1, 7), np.float32), variable=True), "operand 4 has shape"),
    ],
)
def test_refuses(position: int, operand: Operand, message: str) -> None:
    changed = operands()
    changed[position] = operand
    with pytest.raises(QCoreError, match=message):
        Interpreter(
            OneOp(BuiltinOperator.SVDF, changed, [Result(np.float32)], SVDFOptions(rank=1)).model()
        ).allocate_tensors()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            SVDFOptions(rank=0, fused_activation_function=ActivationFunctionType.RELU),
            "2 filters cannot be split into rank 0",
        ),
        (SVDFOptions(rank=-1, fused_activation_function=ActivationFunctionType.RELU), "cannot be split into rank -1"),
        (SVDFOptions(rank=3, fused_activation_function=ActivationFunctionType.RELU), "cannot be split into rank 3"),
        (SVDFOptions(rank=1), "int8 needs the fused activation RELU"),
    ],
)
def test_int8_refuses(options: SVDFOptions, message: str) -> None:
    model = OneOp(BuiltinOperator.SVDF, operands(np.int8), [Result(np.int8, 1.0)], options).model()
    with pytest.raises(QCoreError, match=message):
        Interpreter(model).allocate_tensors()

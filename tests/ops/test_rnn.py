from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import rnn, strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, RNNOptions


@st.composite
def cases(draw: st.DrawFn, hybrid: bool) -> OneOp:
    batch, inputs, units = draw(strategies.batch()), draw(rnn.SIZES), draw(rnn.SIZES)
    options = RNNOptions(
        fused_activation_function=draw(rnn.ACTIVATIONS), asymmetric_quantize_inputs=draw(st.booleans())
    )
    return OneOp(
        BuiltinOperator.RNN,
        [
            Operand(draw(strategies.floats((batch, inputs), spread=1.5))),
            *rnn.cell(rnn.generator(draw), inputs, units, batch, hybrid),
        ],
        [Result(np.float32)],
        options,
        version=3 if hybrid else 1,
        tolerance=rnn.tolerance(hybrid),
        invocations=draw(st.integers(1, 4)),
    )


CASES = {"float32": cases(hybrid=False), "hybrid": cases(hybrid=True)}
test_matches_reference = matches_reference(CASES)


def operands() -> list[Operand]:
    w, r = (
        Operand(np.full((1, 2), 2, np.float32), constant=True),
        Operand(np.full((1, 1), 3, np.float32), constant=True),
    )
    b, h = Operand(np.full(1, 5, np.float32), constant=True), Operand(np.zeros((1, 1), np.float32), variable=True)
    return [Operand(np.zeros((1, 2), np.float32)), w, r, b, h]


def test_state_is_kept_and_reset() -> None:
    runner = Interpreter(OneOp(BuiltinOperator.RNN, operands(), [Result(np.float32)], RNNOptions()).model())
    x = np.array([[1, 10]], np.float32)
    assert runner.run([x])[0].item() == 2 * 11 + 5
    assert runner.run([x])[0].item() == 2 * 11 + 3 * 27 + 5
    runner.reset_all_variables()
    assert runner.run([x])[0].item() == 2 * 11 + 5


@pytest.mark.parametrize(
    ("position", "operand", "message"),
    [
        (0, Operand(np.zeros((1, 3), np.float32)), r"operand 1 has shape \(1, 2\), expected \(1, 3\)"),
        (0, Operand(np.zeros((1, 2, 1), np.float32)), "operands 0 and 1 must have 2 dimensions"),
        (2, Operand(np.zeros((1, 2), np.float32), constant=True), "operand 2 has shape"),
        (2, Operand(np.zeros((1, 1), np.int8), 0.5, constant=True), "all weights must be FLOAT32"),
        (3, Operand(np.zeros(1, np.int32), constant=True), "must be FLOAT32"),
        (4, Operand(np.zeros((1, 1), np.float32)), "must be a variable tensor"),
    ],
)
def test_refuses(position: int, operand: Operand, message: str) -> None:
    changed = operands()
    changed[position] = operand
    model = OneOp(BuiltinOperator.RNN, changed, [Result(np.float32)], RNNOptions()).model()
    with pytest.raises(QCoreError, match=message):
        Interpreter(model).allocate_tensors()


def test_refuses_unknown_activations() -> None:
    options = RNNOptions(fused_activation_function=99)  # type: ignore[arg-type]
    with pytest.raises(QCoreError, match="fused activation 99 has no kernel"):
        Interpreter(OneOp(BuiltinOperator.RNN, operands(), [Result(np.float32)], options).model()).allocate_tensors()


@pytest.mark.parametrize("asymmetric", [False, True])
def test_hybrid_rounding_in_the_vector_code_and_after_it(asymmetric: bool) -> None:
    # Rows whose scale is 1: halves go away from zero, and the number before 0.5 becomes 1 among the first 8 only.
    before_half = np.nextafter(np.float32(0.5), np.float32(0))
    x = np.array([[127, 0.5, 1.5, 2.5, -2.5, before_half, -before_half, 0, 2.5, before_half, -0.5, -128]], np.float32)
    if not asymmetric:
        x[0, -1] = -127
    w = Operand(np.eye(12, dtype=np.int8), 1.0, constant=True)
    r = Operand(np.zeros((12, 12), np.int8), 1.0, constant=True)
    b, h = Operand(np.zeros(12, np.float32), constant=True), Operand(np.zeros((1, 12), np.float32), variable=True)
    options = RNNOptions(asymmetric_quantize_inputs=asymmetric)
    case = OneOp(BuiltinOperator.RNN, [Operand(x), w, r, b, h], [Result(np.float32)], options, version=3)
    assert check(case) == 12
    y = Interpreter(case.model()).run([x])[0][0]
    assert y[:-1].tolist() == [127, 1, 2, 3, -3, 1, -1, 0, 3, 0, -1]


def test_hybrid_refuses_weights_of_minus_128() -> None:
    changed = operands()
    changed[1] = Operand(np.full((1, 2), -128, np.int8), 1.0, constant=True)
    changed[2] = Operand(np.ones((1, 1), np.int8), 1.0, constant=True)
    with pytest.raises(QCoreError, match="holds -128"):
        Interpreter(OneOp(BuiltinOperator.RNN, changed, [Result(np.float32)], RNNOptions()).model()).allocate_tensors()

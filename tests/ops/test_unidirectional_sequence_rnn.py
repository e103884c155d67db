from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import rnn, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, SequenceRNNOptions


@st.composite
def cases(draw: st.DrawFn, hybrid: bool) -> OneOp:
    batch, time, inputs, units = draw(strategies.batch()), draw(st.integers(1, 5)), draw(rnn.SIZES), draw(rnn.SIZES)
    options = SequenceRNNOptions(
        time_major=draw(st.booleans()),
        fused_activation_function=draw(rnn.ACTIVATIONS),
        asymmetric_quantize_inputs=draw(st.booleans()),
    )
    shape = (time, batch, inputs) if options.time_major else (batch, time, inputs)
    return OneOp(
        BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN,
        [
            Operand(draw(strategies.floats(shape, spread=1.5))),
            *rnn.cell(rnn.generator(draw), inputs, units, batch, hybrid),
        ],
        [Result(np.float32)],
        options,
        version=3 if hybrid else 1,
        tolerance=rnn.tolerance(hybrid),
        invocations=draw(st.integers(1, 2)),
    )


CASES = {"float32": cases(hybrid=False), "hybrid": cases(hybrid=True)}
test_matches_reference = matches_reference(CASES)


def model(x: tuple[int, ...], time_major: bool = False) -> OneOp:
    operands = rnn.cell(np.random.default_rng(0), 3, 2, 1, hybrid=False)
    options = SequenceRNNOptions(time_major=time_major, fused_activation_function=ActivationFunctionType.TANH)
    code = BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN
    return OneOp(code, [Operand(np.ones(x, np.float32)), *operands], [Result(np.float32)], options)


def test_steps_are_recorded_over_time() -> None:
    case = model((4, 1, 3), time_major=True)
    runner = Interpreter(case.model())
    recording = runner.record()
    y = runner.run(case.feeds())[0]
    np.testing.assert_array_equal(recording.steps(0)["hidden"], y)
    assert recording.steps(0)["sums"].shape == (4, 1, 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 3), "operand 0 must have 3 dimensions"), ((2, 4, 3), r"operand 4 has shape \(1, 2\), expected \(2, 2\)")],
)
def test_refuses(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(model(shape).model()).allocate_tensors()

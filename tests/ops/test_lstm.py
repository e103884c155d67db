from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import lstm, rnn, strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.ops.test_unidirectional_sequence_lstm import ACTIVATIONS, CLIPS
from tflite_schema import ActivationFunctionType, BuiltinOperator, LSTMKernelType, LSTMOptions

CODE = BuiltinOperator.LSTM


@st.composite
def options(draw: st.DrawFn, activation: st.SearchStrategy[ActivationFunctionType]) -> LSTMOptions:
    return LSTMOptions(
        fused_activation_function=draw(activation),
        cell_clip=draw(CLIPS),
        proj_clip=draw(CLIPS),
        asymmetric_quantize_inputs=draw(st.booleans()),
    )


@st.composite
def floating(draw: st.DrawFn, hybrid: bool) -> OneOp:
    s, o = draw(lstm.shapes()), draw(options(ACTIVATIONS))
    if not hybrid:  # see UNIDIRECTIONAL_SEQUENCE_LSTM
        s = replace(s, batch=max(s.batch, 4))
        o.cell_clip = o.cell_clip or (1.0 if o.fused_activation_function == ActivationFunctionType.RELU else 0.0)
    x = draw(strategies.floats((s.batch, s.inputs), spread=1.5))
    return OneOp(
        CODE,
        [Operand(x), *lstm.float_cell(draw, s, hybrid=hybrid)],
        [Result(np.float32)],
        o,
        version=4 if hybrid else 1,
        tolerance=0.0 if hybrid else 1e-4 if s.layer_norm else 1e-5,
        invocations=draw(st.integers(1, 4)),
    )


@st.composite
def integer(draw: st.DrawFn, eight: bool) -> OneOp:
    s, o = draw(lstm.shapes()), draw(options(st.just(ActivationFunctionType.TANH)))
    x_scale, x_zero = draw(strategies.scales()), draw(strategies.zero_points(np.int8))
    cell = lstm.integer8_cell(draw, s, x_scale) if eight else lstm.integer_cell(draw, s, x_scale)
    x = draw(strategies.integers((s.batch, s.inputs), np.int8))
    return OneOp(
        CODE,
        [Operand(x, x_scale, x_zero), *cell.operands],
        [cell.result],
        o,
        intermediates=cell.intermediates,
        invocations=draw(st.integers(1, 4)),
    )


BASIC = LSTMOptions(fused_activation_function=ActivationFunctionType.TANH, kernel_type=LSTMKernelType.BASIC)


@st.composite
def basic_float(draw: st.DrawFn) -> OneOp:
    batch, inputs, units = draw(strategies.batch()), draw(rnn.SIZES), draw(rnn.SIZES)
    rng = rnn.generator(draw)
    return OneOp(
        CODE,
        [
            Operand(draw(strategies.floats((batch, inputs), spread=1.5))),
            Operand(np.zeros((batch, units), np.float32), variable=True),
            Operand(rnn.floats(rng, 4 * units, inputs + units) * np.float32(0.5), constant=True),
            Operand(rnn.floats(rng, 4 * units) + np.float32(1), constant=True),
            Operand(np.zeros((batch, units), np.float32), variable=True),
        ],
        [Result(np.float32)] * 4,
        BASIC,
        version=2,
        tolerance=1e-5,
        invocations=draw(st.integers(1, 3)),
    )


@st.composite
def basic_uint8(draw: st.DrawFn) -> OneOp:
    batch, inputs, units = draw(strategies.batch()), draw(rnn.SIZES), draw(rnn.SIZES)
    weights = draw(strategies.integers((4 * units, inputs + units), np.uint8))
    bias = draw(strategies.integers((4 * units,), np.int32, -(2**17), 2**17))
    weight_scale, weight_zero = draw(strategies.scales()), draw(strategies.zero_points(np.uint8))
    bias_scale = np.float32(draw(lstm.RATIOS) * 2.0 ** draw(st.integers(-14, -10)))
    return OneOp(
        CODE,
        [
            Operand(draw(strategies.integers((batch, inputs), np.uint8)), 1 / 128, 128),
            Operand(np.zeros((batch, units), np.uint8), 1 / 128, 128, variable=True),
            Operand(weights, weight_scale, weight_zero, constant=draw(st.booleans())),
            Operand(bias, bias_scale, constant=True),
            Operand(np.zeros((batch, units), np.int16), 2.0**-11, variable=True),
        ],
        [
            Result(np.uint8, 1 / 128, 128),
            Result(np.int16, 2.0**-11),
            Result(np.uint8, 1 / 128, 128),
            Result(np.int16, 2.0**-12),
        ],
        BASIC,
        version=2,
        invocations=draw(st.integers(1, 4)),
    )


CASES = {
    "float32": st.one_of(floating(hybrid=False), basic_float()),
    "hybrid": floating(hybrid=True),
    "int8": st.one_of(integer(eight=False), integer(eight=True)),
    "uint8": basic_uint8(),
}
test_matches_reference = matches_reference(CASES)


@given(case=integer(eight=True))
def test_8x8_8_matches_reference(case: OneOp) -> None:
    check(case)


@given(case=basic_float())
def test_basic_float_matches_reference(case: OneOp) -> None:
    check(case)


def basic(**changes: Any) -> OneOp:
    """A basic float LSTM of one unit over one input whose weights are 0; operands replaced by `operand<i>`."""
    state = lstm.state((1, 1), np.float32)
    weights, bias = lstm.constant(np.zeros((4, 2), np.float32)), lstm.constant(np.zeros(4, np.float32))
    operands = [Operand(np.zeros((1, 1), np.float32)), state, weights, bias, state]
    for name, operand in changes.items():
        operands[int(name[7:])] = operand
    return OneOp(CODE, operands, [Result(np.float32)] * 4, BASIC)


def test_basic_by_hand() -> None:
    # tanh of the cell gate is 1 with a bias of 100, every other gate 1/2: c = 1/2, then 1/2 + 1/4.
    bias = lstm.constant(np.array([0, 100, 0, 0], np.float32))
    runner = Interpreter(basic(operand3=bias).model())
    states = [runner.run([np.full((1, 1), 7, np.float32)])[1].item() for _ in range(2)]
    assert states == [0.5, 0.75]


def test_basic_states_that_are_no_variables_are_left_alone() -> None:
    # Fed at every run, as a model does that carries its state outside.
    fed = Operand(np.full((1, 1), 0.5, np.float32))
    case = basic(operand1=fed, operand4=fed)
    assert check(case) == 1 + 1 + 2 + 4
    values = case.feeds()
    Interpreter(case.model()).run(values)
    assert all((value == original).all() for value, original in zip(values, basic(operand1=fed).feeds(), strict=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operand1": lstm.state((1, 2), np.float32)}, r"operand 2 has shape \(4, 2\), expected \(8, 3\)"),
        ({"operand1": lstm.state((2, 1), np.float32)}, r"operand 1 has shape \(2, 1\)"),
        ({"operand3": lstm.constant(np.zeros(4, np.int32), 1.0)}, "a basic LSTM is float32, or uint8"),
        ({"operand0": Operand(np.zeros((1, 1, 1), np.float32))}, "operands 0 and 1 must have 2 dimensions"),
    ],
)
def test_basic_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(basic(**changes).model()).allocate_tensors()


def test_full_kernel_refuses() -> None:
    case = replace(basic(), options=LSTMOptions())
    with pytest.raises(QCoreError, match="operand 8 is missing"):
        Interpreter(case.model()).allocate_tensors()

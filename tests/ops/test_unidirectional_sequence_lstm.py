from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore import Interpreter, Model, ModelError, QCoreError, UnsupportedError, load
from qcore.edit import extract
from qcore.tflite import to_bytes
from tests import lstm, oracle, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, UnidirectionalSequenceLSTMOptions

CODE = BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
ACTIVATIONS = st.sampled_from(
    [
        ActivationFunctionType.TANH,
        ActivationFunctionType.RELU,
        ActivationFunctionType.RELU_N1_TO_1,
        ActivationFunctionType.RELU6,
        ActivationFunctionType.SIGN_BIT,
    ]
)
CLIPS = st.sampled_from([0.0, 0.0, 0.3, 1.0, 10.0])


@st.composite
def options(draw: st.DrawFn, activation: st.SearchStrategy[ActivationFunctionType]) -> Any:
    return UnidirectionalSequenceLSTMOptions(
        fused_activation_function=draw(activation),
        cell_clip=draw(CLIPS),
        proj_clip=draw(CLIPS),
        time_major=draw(st.booleans()),
        asymmetric_quantize_inputs=draw(st.booleans()),
    )


def sequence(s: lstm.Shape, time_major: bool) -> tuple[int, int, int]:
    return (s.time, s.batch, s.inputs) if time_major else (s.batch, s.time, s.inputs)


@st.composite
def floating(draw: st.DrawFn, hybrid: bool) -> OneOp:
    s = draw(lstm.shapes())
    o = draw(options(ACTIVATIONS))
    if not hybrid:  # float sums differ in their last bits: no lone value that cancels out, no growing state
        s = replace(s, batch=max(s.batch, 4))
        o.cell_clip = o.cell_clip or (1.0 if o.fused_activation_function == ActivationFunctionType.RELU else 0.0)
    diagonal = not s.projection and draw(st.booleans())
    o.diagonal_recurrent_tensors = diagonal
    cell = lstm.float_cell(draw, s, hybrid=hybrid, diagonal=diagonal)
    x = draw(strategies.floats(sequence(s, o.time_major), spread=1.5))
    count = 24 if s.layer_norm else draw(st.sampled_from([20, 24]))
    return OneOp(
        CODE,
        [Operand(x), *cell][:count],
        [Result(np.float32)],
        o,
        version=3 if hybrid else 1,
        # Layer normalization divides by a deviation that may be small, so the last bits of the sums grow.
        tolerance=0.0 if hybrid else 1e-4 if s.layer_norm else 1e-5,
        invocations=draw(st.integers(1, 2)),
    )


@st.composite
def integer(draw: st.DrawFn) -> OneOp:
    s = draw(lstm.shapes())
    o = draw(options(st.just(ActivationFunctionType.TANH)))
    x_scale, x_zero = draw(strategies.scales()), draw(strategies.zero_points(np.int8))
    cell = lstm.integer_cell(draw, s, x_scale)
    x = draw(strategies.integers(sequence(s, o.time_major), np.int8))
    return OneOp(
        CODE,
        [Operand(x, x_scale, x_zero), *cell.operands],
        [cell.result],
        o,
        intermediates=cell.intermediates,
        invocations=draw(st.integers(1, 2)),
    )


CASES = {"float32": floating(hybrid=False), "hybrid": floating(hybrid=True), "int8": integer()}
test_matches_reference = matches_reference(CASES)


def model(**changes: Any) -> Model:
    """A float LSTM of 2 units over 3 inputs without optional parts, one operand replaced per keyword `operand<i>`."""
    w, r, b = np.ones((2, 3), np.float32), np.ones((2, 2), np.float32), np.zeros(2, np.float32)
    operands: list[Operand | None] = [Operand(np.zeros((1, 2, 3), np.float32))]
    operands += [lstm.constant(w)] * 4 + [lstm.constant(r)] * 4 + [None] * 3 + [lstm.constant(b)] * 4 + [None] * 2
    operands += [lstm.state((1, 2), np.float32)] * 2 + [None] * 4
    for name, operand in changes.items():
        if name.startswith("operand"):
            operands[int(name[7:])] = operand
    activation = changes.get("activation", ActivationFunctionType.TANH)
    o = UnidirectionalSequenceLSTMOptions(fused_activation_function=activation, cell_clip=changes.get("cell_clip", 0.0))
    return OneOp(CODE, operands, [Result(np.float32)], o).model()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": ActivationFunctionType.NONE}, "fused activation NONE has no kernel"),
        ({"cell_clip": -1.0}, "cell_clip and proj_clip must not be negative"),
        ({"operand0": Operand(np.zeros((2, 3), np.float32))}, "operand 0 must have 3 dimensions"),
        ({"operand4": lstm.constant(np.ones(3, np.float32))}, "operand 4 must be a matrix"),
        ({"operand1": None}, "operand 5 must be left out"),
        ({"operand13": None}, "operand 13 is missing"),
        ({"operand2": lstm.constant(np.ones((2, 4), np.float32))}, r"operand 2 has shape \(2, 4\), expected \(2, 3\)"),
        ({"operand3": lstm.constant(np.ones((2, 3), np.int8), 0.5)}, "operand 3 is INT8, expected FLOAT32"),
        ({"operand4": lstm.constant(np.ones((2, 3), np.int16), 0.5)}, "weights of type INT16 have no kernel"),
        ({"operand11": lstm.constant(np.ones(2, np.float32))}, "operand 9 is missing"),
        ({"operand17": lstm.constant(np.ones(2, np.float32))}, "operand 17 must be left out"),
        ({"operand18": Operand(np.zeros((1, 2), np.float32))}, "operand 18, a state, must be a variable"),
        ({"operand19": lstm.state((3, 2), np.float32)}, "operand 19, a state, has 6 elements, expected 1 x 2"),
        ({"operand22": lstm.constant(np.ones(2, np.float32))}, "operand 22 must be left out"),
    ],
)
def test_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(model(**changes)).allocate_tensors()


def test_hybrid_refuses_what_the_vector_code_gets_wrong() -> None:
    w = lstm.constant(np.full((2, 3), -128, np.int8), 0.5)
    r = lstm.constant(np.ones((2, 2), np.int8), 0.5)
    changes = {**{f"operand{i}": w for i in range(1, 5)}, **{f"operand{i}": r for i in range(5, 9)}}
    with pytest.raises(UnsupportedError, match="holds -128"):
        Interpreter(model(**changes)).allocate_tensors()


@given(data=st.data())
@settings(max_examples=5)
def test_int8_refuses_cell_scales_that_tanh_cannot_take(data: st.DataObject) -> None:
    case = data.draw(integer())
    for scale, error, message in (
        (0.001, ModelError, "is no power of two"),
        (2.0**-17, UnsupportedError, "cell state scale 2.-17: outside 2.-15 ... 2.-9 TFLite runs on"),
        (2.0**-8, UnsupportedError, "cell state scale 2.-8"),
    ):
        operands = [*case.operands]
        operands[19] = replace(operands[19], scale=scale)  # type: ignore[type-var]
        with pytest.raises(error, match=message):
            Interpreter(replace(case, operands=operands).model()).allocate_tensors()


def test_one_step_by_hand() -> None:
    # x = 0, h = 0 and no bias: every sigmoid is 1/2 and tanh(0) = 0, so c halves; c starts at 0 and stays there.
    runner = Interpreter(model())
    assert runner.run([np.zeros((1, 2, 3), np.float32)])[0].tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    # A bias of 200 on the cell gate makes tanh 1: c = 1/2, then 1/4 + 1/2.
    changes = {f"operand{i}": lstm.constant(np.zeros((2, 2), np.float32)) for i in range(5, 9)}
    biased = Interpreter(model(operand14=lstm.constant(np.full(2, 200, np.float32)), **changes))
    recorded = biased.record()
    biased.run([np.zeros((1, 2, 3), np.float32)])
    assert recorded.steps(0)["cell_state"][:, 0, 0].tolist() == [0.5, 0.75]


@oracle.needs_shared
def test_real_model_keeps_state_like_tflite() -> None:
    """The LSTM of a real model, ten sequences in a row without a reset, then once more after one."""
    cut = to_bytes(extract(load(oracle.MODELS / "coral_keras_lstm_mnist_ptq.tflite"), [1]))
    theirs, ours = oracle.interpreter(cut), Interpreter(cut)
    theirs.allocate_tensors()
    ours.allocate_tensors()
    rng = np.random.default_rng(0)
    for run in range(11):
        if run == 10:
            theirs.reset_all_variables()
            ours.reset_all_variables()
        x = rng.integers(-128, 128, (1, 28, 28)).astype(np.int8)
        theirs.set_tensor(theirs.get_input_details()[0]["index"], x)
        theirs.invoke()
        reference = theirs.get_tensor(theirs.get_output_details()[0]["index"])
        np.testing.assert_array_equal(ours.run([x])[0], reference)

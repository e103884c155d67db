from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import lstm, rnn, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tests.ops.test_unidirectional_sequence_lstm import ACTIVATIONS, CLIPS
from tflite_schema import ActivationFunctionType, BidirectionalSequenceLSTMOptions, BuiltinOperator

CODE = BuiltinOperator.BIDIRECTIONAL_SEQUENCE_LSTM


@st.composite
def cases(draw: st.DrawFn, hybrid: bool) -> OneOp:
    s = replace(draw(lstm.shapes(layer_norm=False)), uint8_weights=False)
    o = BidirectionalSequenceLSTMOptions(
        fused_activation_function=draw(ACTIVATIONS),
        cell_clip=draw(CLIPS),
        proj_clip=draw(CLIPS),
        merge_outputs=draw(st.booleans()),
        time_major=draw(st.booleans()),
        asymmetric_quantize_inputs=draw(st.booleans()),
    )
    if not hybrid:  # see UNIDIRECTIONAL_SEQUENCE_LSTM
        s = replace(s, batch=max(s.batch, 4))
        o.cell_clip = o.cell_clip or (1.0 if o.fused_activation_function == ActivationFunctionType.RELU else 0.0)
    if o.merge_outputs and not o.time_major:
        s = replace(s, batch=1)
    back = replace(s, cifg=draw(st.booleans()), peephole=draw(st.booleans()))
    cells = [lstm.float_cell(draw, part, hybrid=hybrid) for part in (s, back)]
    states = [operand for cell in cells for operand in cell[17:19]]
    shape = (s.time, s.batch) if o.time_major else (s.batch, s.time)
    rng = rnn.generator(draw)
    aux = draw(st.sampled_from(["none", "backward", "extra"]))
    extra: list[Operand | None] = [None] * 9
    if aux != "none":
        extra[0] = Operand(draw(strategies.floats((*shape, s.inputs), spread=1.5)))
    if aux == "extra":
        present = [*s.gates, *back.gates]
        extra[1:] = [rnn.weights(rng, s.units, s.inputs, hybrid=hybrid) if there else None for there in present]
    return OneOp(
        CODE,
        [
            Operand(draw(strategies.floats((*shape, s.inputs), spread=1.5))),
            *cells[0][:17],
            *cells[1][:17],
            *states,
            *extra,
        ],
        [Result(np.float32)] * (1 if o.merge_outputs else 2),
        o,
        version=3 if hybrid else 1,
        tolerance=0.0 if hybrid else 1e-5,
        invocations=draw(st.integers(1, 2)),
    )


CASES = {"float32": cases(hybrid=False), "hybrid": cases(hybrid=True)}
test_matches_reference = matches_reference(CASES)


def case(batch: int = 2, **changes: Any) -> OneOp:
    """Two cells of one unit over sequences of 3 steps of one input; operands replaced by `operand<i>`."""
    w, b = lstm.constant(np.ones((1, 1), np.float32)), lstm.constant(np.zeros(1, np.float32))
    cell = [*[w] * 8, *[None] * 3, *[b] * 4, None, None]
    states = [lstm.state((batch, 1), np.float32)] * 4
    operands: list[Operand | None] = [Operand(np.ones((batch, 3, 1), np.float32)), *cell, *cell, *states, *[None] * 9]
    for name, operand in changes.items():
        if name.startswith("operand"):
            operands[int(name[7:])] = operand
    options = BidirectionalSequenceLSTMOptions(
        fused_activation_function=ActivationFunctionType.TANH,
        time_major=False,
        merge_outputs=changes.get("merge_outputs", False),
    )
    return OneOp(CODE, operands, [Result(np.float32)] * (1 if options.merge_outputs else 2), options)


def test_backward_is_forward_of_the_reversed_sequence() -> None:
    one = case()
    x = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    forward, backward = Interpreter(one.model()).run([x])
    again, _ = Interpreter(one.model()).run([x[:, ::-1]])
    np.testing.assert_array_equal(backward, again[:, ::-1])
    assert forward.shape == backward.shape == (2, 3, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"merge_outputs": True}, "merged outputs of several sequences need time_major"),
        ({"operand40": lstm.constant(np.ones((1, 1), np.float32))}, r"operand \[40\] must be left out"),
        ({"operand41": lstm.constant(np.ones((1, 1), np.float32))}, "auxiliary weights need an auxiliary operand"),
        ({"operand39": Operand(np.ones((2, 3, 2), np.float32))}, "operand 39 has shape"),
        (
            {
                "operand39": Operand(np.ones((2, 3, 2), np.float32)),
                "operand41": lstm.constant(np.ones((1, 2), np.float32)),
            },
            "auxiliary size 2 is not that of x, 1",
        ),
        ({"operand25": lstm.constant(np.ones((1, 2), np.float32))}, "operand"),
        ({"operand0": Operand(np.ones((2, 3), np.float32))}, "operand 0 must have 3 dimensions"),
    ],
)
def test_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(case(**changes).model()).allocate_tensors()

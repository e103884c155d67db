from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import rnn, strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import ActivationFunctionType, BidirectionalSequenceRNNOptions, BuiltinOperator

CODE = BuiltinOperator.BIDIRECTIONAL_SEQUENCE_RNN


@st.composite
def cases(draw: st.DrawFn, hybrid: bool) -> OneOp:
    batch, time, size = draw(strategies.batch()), draw(st.integers(1, 4)), draw(rnn.SIZES)
    units = [draw(rnn.SIZES), draw(rnn.SIZES)]
    options = BidirectionalSequenceRNNOptions(
        time_major=draw(st.booleans()),
        fused_activation_function=draw(rnn.ACTIVATIONS.filter(lambda a: a != ActivationFunctionType.SIGN_BIT)),
        merge_outputs=draw(st.booleans()),
        asymmetric_quantize_inputs=draw(st.booleans()),
    )
    if hybrid and options.merge_outputs and options.time_major:  # TFLite crashes
        options.asymmetric_quantize_inputs = True
    shape = (time, batch) if options.time_major else (batch, time)
    rng = rnn.generator(draw)
    cells = [rnn.cell(rng, size, n, batch, hybrid) for n in units]
    aux = draw(st.sampled_from(["none", "backward", "extra"]))
    aux_size = size if aux == "backward" or hybrid or options.time_major else draw(rnn.SIZES)
    aux_operands: list[Operand | None] = [None, None, None]
    if aux != "none":
        aux_operands[0] = Operand(draw(strategies.floats((*shape, aux_size), spread=1.5)))
    if aux == "extra":
        aux_operands[1:] = [rnn.weights(rng, n, aux_size, hybrid=hybrid) for n in units]
    return OneOp(
        CODE,
        [Operand(draw(strategies.floats((*shape, size), spread=1.5))), *cells[0], *cells[1], *aux_operands],
        [Result(np.float32)] * (1 if options.merge_outputs else 2),
        options,
        version=3 if hybrid else 1,
        tolerance=rnn.tolerance(hybrid),
        invocations=draw(st.integers(1, 2)),
    )


CASES = {"float32": cases(hybrid=False), "hybrid": cases(hybrid=True)}
test_matches_reference = matches_reference(CASES)


def case(hybrid: bool = False, **options: Any) -> OneOp:
    """Two cells of 2 and 3 units over sequences of 4 steps, batch 2, inputs 3."""
    rng = np.random.default_rng(0)
    cells = [*rnn.cell(rng, 3, 2, 2, hybrid), *rnn.cell(rng, 3, 3, 2, hybrid)]
    operands: list[Operand | None] = [Operand(np.ones((4, 2, 3), np.float32)), *cells, None, None, None]
    o = BidirectionalSequenceRNNOptions(time_major=True, **options)
    return OneOp(CODE, operands, [Result(np.float32)] * (1 if o.merge_outputs else 2), o)


def test_backward_starts_at_the_end() -> None:
    one = case(fused_activation_function=ActivationFunctionType.TANH)
    forward, backward = Interpreter(one.model()).run(one.feeds())
    assert forward.shape == (4, 2, 2)
    assert backward.shape == (4, 2, 3)
    merged = case(fused_activation_function=ActivationFunctionType.TANH, merge_outputs=True)
    together = Interpreter(merged.model()).run(merged.feeds())[0]
    np.testing.assert_array_equal(together, np.concatenate([forward, backward], axis=2))


@pytest.mark.parametrize(
    ("position", "operand", "message"),
    [
        (9, Operand(np.zeros((4, 2, 2), np.float32)), r"operand 9 has shape \(4, 2, 2\), expected \(4, 2, 3\)"),
        (10, Operand(np.zeros((2, 3), np.float32), constant=True), "operands 10 and 11 are there together"),
        (6, Operand(np.zeros((2, 2), np.float32), constant=True), "operand 6 has shape"),
        (1, Operand(np.zeros(2, np.float32), constant=True), "operands 1 and 5 must be matrices"),
        (0, Operand(np.zeros((4, 3), np.float32)), "operand 0 must have 3 dimensions"),
    ],
)
def test_refuses(position: int, operand: Operand, message: str) -> None:
    one = case()
    operands = list(one.operands)
    operands[position] = operand
    with pytest.raises(QCoreError, match=message):
        Interpreter(OneOp(CODE, operands, one.results, one.options).model()).allocate_tensors()


def test_refuses_what_crashes_tflite() -> None:
    with pytest.raises(QCoreError, match="crash TFLite"):
        Interpreter(case(hybrid=True, merge_outputs=True).model()).allocate_tensors()


def test_refuses_weights_without_their_operand() -> None:
    one = case()
    weights = [Operand(np.zeros((n, 3), np.float32), constant=True) for n in (2, 3)]
    operands = [*one.operands[:10], *weights]
    with pytest.raises(QCoreError, match="auxiliary weights need an auxiliary operand"):
        Interpreter(OneOp(CODE, operands, one.results, one.options).model()).allocate_tensors()


def test_refuses_auxiliary_sizes_tflite_reads_past() -> None:
    one = case()
    weights = [Operand(np.zeros((n, 5), np.float32), constant=True) for n in (2, 3)]
    operands = [*one.operands[:9], Operand(np.zeros((4, 2, 5), np.float32)), *weights]
    with pytest.raises(QCoreError, match="auxiliary size 5 is not that of x, 3"):
        Interpreter(OneOp(CODE, operands, one.results, one.options).model()).allocate_tensors()

"""UNIDIRECTIONAL_SEQUENCE_RNN: a recurrent cell over a sequence, its state kept from one run to the next.

    h = activation(W x[t] + R h + b);  y[t] = h        step: see _rnn.py

x [batch, time, inputs], or [time, batch, inputs] with time_major; y the same with units in place of inputs.

TFLite: kernels/unidirectional_sequence_rnn.cc, kernels/internal/kernel_utils.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _rnn
from qcore.ops._recurrent import steps_first, steps_in_place
from qcore.ops._rnn import LAYOUT, RULES, STEPS, RnnCell, prepare_cell, run_cell
from tflite_schema import SequenceRNNOptions


@dataclass(frozen=True, slots=True)
class Params:
    """The cell and the order of the operand's dimensions."""

    cell: RnnCell
    time_major: bool


def infer(n: Node) -> list[Shape]:
    x, w = n.input(0), n.input(1)
    n.require_shapes(x.rank == 3 and w.rank == 2, f"operand 0 must have 3 dimensions and operand 1 two, not {x.shape}")
    return [(*x.shape[:2], w.shape[0])]


def prepare(n: Node) -> Params:
    options = n.options(SequenceRNNOptions)
    x = n.input(0)
    batch = x.shape[1] if options.time_major else x.shape[0]
    fused = options.fused_activation_function
    cell = prepare_cell(n, LAYOUT, batch, x.shape[2], 0, fused, options.asymmetric_quantize_inputs)
    return Params(cell, options.time_major)


def version(n: Node) -> int:
    return _rnn.version(n, n.options(SequenceRNNOptions).asymmetric_quantize_inputs)


def eval_float(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    y = run_cell(p.cell, inputs, steps_first(inputs[0], p.time_major), None, ctx)
    return [steps_in_place(y, p.time_major)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float},
    rules=RULES,
    steps=STEPS,
    version=version,
)

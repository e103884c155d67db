"""RNN: one step of a recurrent cell, its state kept from one run to the next.

    h = activation(W x + R h + b);  y = h        W [units, inputs], R [units, units], b [units], h [batch, units]

x [batch, inputs]. Float32, or hybrid with int8 weights: see _rnn.py.

TFLite: kernels/basic_rnn.cc, kernels/internal/kernel_utils.cc
"""

from __future__ import annotations

from typing import Any

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _rnn
from qcore.ops._rnn import LAYOUT, RULES, STEPS, RnnCell, prepare_cell, run_cell
from tflite_schema import RNNOptions


def infer(n: Node) -> list[Shape]:
    x, w = n.input(0), n.input(1)
    n.require_shapes(x.rank == w.rank == 2, f"operands 0 and 1 must have 2 dimensions, not {x.shape} and {w.shape}")
    return [(x.shape[0], w.shape[0])]


def prepare(n: Node) -> RnnCell:
    options = n.options(RNNOptions)
    batch, size = n.input(0).shape
    fused = options.fused_activation_function
    return prepare_cell(n, LAYOUT, batch, size, 0, fused, options.asymmetric_quantize_inputs)


def version(n: Node) -> int:
    return _rnn.version(n, n.options(RNNOptions).asymmetric_quantize_inputs)


def eval_float(p: RnnCell, inputs: list[Any], ctx: Context) -> list[Array]:
    return [run_cell(p, inputs, inputs[0][None], None, ctx)[0]]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float},
    rules=RULES,
    steps=STEPS,
    version=version,
)

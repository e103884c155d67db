"""BIDIRECTIONAL_SEQUENCE_RNN: two recurrent cells over a sequence, one forwards and one backwards through time.

    h = activation(W x[t] + A aux[t] + R h + b)        forward t = 0, 1, ...; backward t = ..., 1, 0: see _rnn.py

Results: y_fw and y_bw, or one with both side by side (merge_outputs). x [batch, time, inputs], or with time_major
[time, batch, inputs]. Operand 9, an auxiliary sequence, enters both cells through weights of its own; without such
weights it takes the place of x in the backward cell, but only where TFLite does so.

What TFLite does otherwise, and this kernel with it: hybrid and time_major, both cells pass through the sequence once
for every time step, their state going on; not time_major, the backward cell reads x whatever the auxiliary operand is.

TFLite: kernels/bidirectional_sequence_rnn.cc, kernels/internal/kernel_utils.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _rnn
from qcore.ops._recurrent import prefixed, steps_first, steps_in_place
from qcore.ops._rnn import STEPS, Layout, RnnCell, prepare_cell, run_cell
from qcore.rules import Rules, activation, bias, state, weight
from tflite_schema import BidirectionalSequenceRNNOptions, TensorType

AUX = 9
FORWARD = Layout(1, 2, 3, 4, aux_weights=10)
BACKWARD = Layout(5, 6, 7, 8, aux_weights=11)


@dataclass(frozen=True, slots=True)
class Params:
    """Both cells, the order of dimensions, and how the auxiliary operand is used."""

    forward: RnnCell
    backward: RnnCell
    time_major: bool
    merge_outputs: bool
    aux_is_extra: bool
    aux_feeds_backward: bool
    passes: int


def infer(n: Node) -> list[Shape]:
    options = n.options(BidirectionalSequenceRNNOptions)
    n.require(len(n.inputs) == 12, f"operands must be 12, not {len(n.inputs)}")
    results = 1 if options.merge_outputs else 2
    n.require(len(n.outputs) == results, f"results must be {results}, not {len(n.outputs)}")
    x, forward, backward = n.input(0), n.input(1), n.input(5)
    n.require_shapes(x.rank == 3, f"operand 0 must have 3 dimensions, not shape {x.shape}")
    n.require_shapes(forward.rank == backward.rank == 2, "operands 1 and 5 must be matrices [units, inputs]")
    sizes = [forward.shape[0], backward.shape[0]]
    return [(*x.shape[:2], size) for size in ([sum(sizes)] if options.merge_outputs else sizes)]


def prepare(n: Node) -> Params:
    options = n.options(BidirectionalSequenceRNNOptions)
    x, time_major = n.input(0), options.time_major
    batch, size = x.shape[1] if time_major else x.shape[0], x.shape[2]
    time = x.shape[0] if time_major else x.shape[1]
    hybrid = n.input(1).type != TensorType.FLOAT32
    aux, aux_size = n.optional_input(AUX), 0
    extra = [n.optional_input(position) is not None for position in (10, 11)]
    n.require(extra[0] == extra[1], "operands 10 and 11 are there together or not at all")
    n.require(aux is not None or not extra[0], "auxiliary weights need an auxiliary operand")
    if aux is not None:
        n.require(aux.type == TensorType.FLOAT32, f"operand {AUX} must be FLOAT32")
        expected = (*x.shape[:2], aux.shape[-1] if extra[0] and aux.rank else size)
        n.require_shapes(aux.shape == expected, f"operand {AUX} has shape {aux.shape}, expected {expected}")
        aux_size = expected[2] if extra[0] else 0
    if aux_size not in (0, size) and (time_major or hybrid):
        raise n.unsupported(f"auxiliary size {aux_size} is not that of x, {size}: TFLite reads past steps of x's size")
    if hybrid and options.merge_outputs and time_major and not options.asymmetric_quantize_inputs and batch > 1:
        raise n.unsupported("merged, symmetric hybrid cells of several sequences crash TFLite; use asymmetric operands")
    fused, asymmetric = options.fused_activation_function, options.asymmetric_quantize_inputs
    cells = [prepare_cell(n, side, batch, size, aux_size, fused, asymmetric) for side in (FORWARD, BACKWARD)]
    n.require(n.input(1).type == n.input(5).type, "both cells must have weights of one type")
    return Params(
        cells[0],
        cells[1],
        time_major,
        options.merge_outputs,
        extra[0],
        aux is not None and not extra[0] and time_major,
        time if hybrid and time_major else 1,
    )


def eval_float(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    """float32 and hybrid."""
    x = steps_first(inputs[0], p.time_major)
    aux = None if inputs[AUX] is None else steps_first(inputs[AUX], p.time_major)
    extra = aux if p.aux_is_extra else None
    fed = aux if aux is not None and p.aux_feeds_backward else x
    forward = backward = np.zeros((0, 0, 0), np.float32)
    for _ in range(p.passes):
        forward = run_cell(p.forward, inputs, x, extra, prefixed(ctx, "forward_"))
        backward = run_cell(p.backward, inputs, fed, extra, prefixed(ctx, "backward_"), backward=True)
    results = [np.concatenate([forward, backward], axis=2)] if p.merge_outputs else [forward, backward]
    return [steps_in_place(y, p.time_major) for y in results]


def version(n: Node) -> int:
    return _rnn.version(n, n.options(BidirectionalSequenceRNNOptions).asymmetric_quantize_inputs)


_CELL = (weight(None), weight(None))
OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float},
    rules=Rules(
        inputs=(
            activation(),
            *(*_CELL, bias((0, 1)), state()),
            *(*_CELL, bias((0, 5)), state()),
            activation(),
            *_CELL,
        ),
        quantizable=frozenset(),
    ),
    steps={f"{way}_{name}": text for way in ("forward", "backward") for name, text in STEPS.items()},
    version=version,
)

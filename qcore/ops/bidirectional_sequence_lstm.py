"""BIDIRECTIONAL_SEQUENCE_LSTM: two LSTMs over a sequence, one forwards and one backwards through time.

    y_fw[t] = h after step(x[t], c, h),  t = 0, 1, ...;   y_bw[t] likewise,  t = ..., 1, 0        step: see _lstm.py

Results: y_fw and y_bw, or one with both side by side (merge_outputs). x [batch, time, inputs], or with time_major
[time, batch, inputs]. Operand 39, an auxiliary sequence, enters both cells through weights of its own; without such
weights it takes the place of x in the backward cell. Both cells have the same sizes.

TFLite: kernels/bidirectional_sequence_lstm.cc, kernels/lstm_eval.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._lstm import STEPS, Layout, check_cell, optional
from qcore.ops._lstm_float import FLOAT_TYPES, HYBRID_TYPES, FloatCell, prepare_float, prepare_hybrid_cell, run_float
from qcore.ops._recurrent import prefixed, steps_first, steps_in_place
from qcore.rules import Constraint, Rules, activation, bias, state, untouched, weight
from tflite_schema import BidirectionalSequenceLSTMOptions, TensorType

AUX = 39
FORWARD = Layout(
    (1, 2, 3, 4),
    (5, 6, 7, 8),
    (9, 10, -1, 11),
    (12, 13, 14, 15),
    projection=16,
    projection_bias=17,
    output_state=35,
    cell_state=36,
    aux_input=AUX,
    aux_weights=(40, 41, 42, 43),
)
BACKWARD = Layout(
    (18, 19, 20, 21),
    (22, 23, 24, 25),
    (26, 27, -1, 28),
    (29, 30, 31, 32),
    projection=33,
    projection_bias=34,
    output_state=37,
    cell_state=38,
    aux_input=AUX,
    aux_weights=(44, 45, 46, 47),
)


def _constraints(first: int) -> tuple[Constraint, ...]:
    """Of one cell: weights, biases, projection."""
    biases = [bias((0, first + gate)) for gate in range(4)]
    return (*[weight(None)] * 11, *biases, weight(None), untouched())


@dataclass(frozen=True, slots=True)
class Params:
    """Both cells, the order of dimensions, and how the auxiliary operand is used."""

    forward: FloatCell
    backward: FloatCell
    time_major: bool
    merge_outputs: bool
    aux_is_extra: bool  # it has weights; otherwise it feeds the backward cell


def infer(n: Node) -> list[Shape]:
    options = n.options(BidirectionalSequenceLSTMOptions)
    n.require(len(n.inputs) == 48, f"operands must be 48, not {len(n.inputs)}")
    results = 1 if options.merge_outputs else 2
    n.require(len(n.outputs) == results, f"results must be {results}, not {len(n.outputs)}")
    x = n.input(0)
    n.require_shapes(x.rank == 3, f"operand 0 must have 3 dimensions, not shape {x.shape}")
    sizes = []
    for layout in (FORWARD, BACKWARD):
        recurrent = n.input(layout.recurrent_weights[3])
        n.require_shapes(recurrent.rank == 2, f"operand {layout.recurrent_weights[3]} must be a matrix")
        sizes.append(recurrent.shape[1])
    return [(*x.shape[:2], size) for size in ([sum(sizes)] if options.merge_outputs else sizes)]


def prepare(n: Node) -> Params:
    options = n.options(BidirectionalSequenceLSTMOptions)
    x, aux = n.input(0), optional(n, AUX)
    batch, size = x.shape[1] if options.time_major else x.shape[0], x.shape[2]
    aux_is_extra = optional(n, FORWARD.aux_weights[1]) is not None
    if aux_is_extra:
        n.require(aux is not None, "auxiliary weights need an auxiliary operand")
    else:
        spare = [p for layout in (FORWARD, BACKWARD) for p in layout.aux_weights if optional(n, p) is not None]
        n.require(not spare, f"operand {spare[:1]} must be left out where the other auxiliary weights are")
    if aux is not None:
        expected = (*x.shape[:2], aux.shape[-1] if aux_is_extra and aux.rank else size)
        n.require_shapes(aux.shape == expected, f"operand {AUX} has shape {aux.shape}, expected {expected}")
        n.require(aux.type == TensorType.FLOAT32, f"operand {AUX} must be FLOAT32")
        if expected[2] != size:
            raise n.unsupported(
                f"auxiliary size {expected[2]} is not that of x, {size}: TFLite takes x's for its steps"
            )
    n.require(all(y.type == TensorType.FLOAT32 for y in n.outputs), "results must be FLOAT32")
    if options.merge_outputs and not options.time_major and batch > 1:
        raise n.unsupported("merged outputs of several sequences need time_major: TFLite overruns its state otherwise")
    n.require(n.input(4).type == n.input(21).type, "both cells must have weights of one type")
    cells = []
    hybrid = n.input(4).type != TensorType.FLOAT32
    for layout in (FORWARD, BACKWARD):
        cell = check_cell(n, layout, HYBRID_TYPES if hybrid else FLOAT_TYPES, batch, size, options)
        asymmetric = options.asymmetric_quantize_inputs
        cells.append(prepare_hybrid_cell(n, cell, asymmetric) if hybrid else prepare_float(n, cell))
    first, second = cells[0].cell, cells[1].cell
    n.require_shapes(
        (first.units, first.outputs) == (second.units, second.outputs), "both cells must have the same sizes"
    )
    return Params(cells[0], cells[1], options.time_major, options.merge_outputs, aux_is_extra)


def eval_float(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    """float32 and hybrid."""
    x = steps_first(inputs[0], p.time_major)
    aux = None if inputs[AUX] is None else steps_first(inputs[AUX], p.time_major)
    extra = aux if p.aux_is_extra else None
    forward = run_float(p.forward, inputs, x, extra, prefixed(ctx, "forward_"))
    fed = x if aux is None or p.aux_is_extra else aux
    backward = run_float(p.backward, inputs, fed, extra, prefixed(ctx, "backward_"), backward=True)
    results = [np.concatenate([forward, backward], axis=2)] if p.merge_outputs else [forward, backward]
    return [steps_in_place(y, p.time_major) for y in results]


def version(n: Node) -> int:
    if n.input(1 if n.inputs[1] is not None else 2).type == TensorType.INT8:
        return 3 if n.options(BidirectionalSequenceLSTMOptions).asymmetric_quantize_inputs else 2
    return 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float},
    rules=Rules(
        inputs=(
            activation(),
            *_constraints(1),
            *_constraints(18),
            *[state()] * 4,
            activation(),
            *[weight(None)] * 8,
        ),
        quantizable=frozenset(),
    ),
    steps={f"{way}_{name}": text for way in ("forward", "backward") for name, text in STEPS.items()},
    version=version,
)

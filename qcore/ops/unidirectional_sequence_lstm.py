"""UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM over a sequence, its state kept from one run to the next.

    c, h = step(x[t], c, h);  y[t] = h          step: see _lstm.py

x [batch, time, inputs], or [time, batch, inputs] with time_major; y the same with outputs in place of inputs.

    float32   _lstm_float.py
    hybrid    float32 with int8 weights: _lstm_float.py
    int8      8-bit operands, 16-bit gates and cell state: _lstm_integer.py

TFLite: kernels/unidirectional_sequence_lstm.cc, kernels/lstm_eval.cc
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _lstm_float, _lstm_integer
from qcore.ops._lstm import FULL, RULES, STEPS, check_cell
from qcore.ops._lstm_float import FLOAT_TYPES, HYBRID_TYPES, FloatCell, run_float
from qcore.ops._lstm_integer import INTEGER_TYPES, IntegerCell, run_integer
from qcore.ops._recurrent import steps_first, steps_in_place
from tflite_schema import TensorType, UnidirectionalSequenceLSTMOptions

LAYOUT = replace(FULL, diagonal=True)


@dataclass(frozen=True, slots=True)
class Params:
    """The prepared cell and the order of the operand's dimensions."""

    cell: Any  # FloatCell or IntegerCell
    time_major: bool


def infer(n: Node) -> list[Shape]:
    x, recurrent = n.input(0), n.input(8)
    n.require(len(n.inputs) in (20, 24), f"an LSTM has 20 or 24 operands, not {len(n.inputs)}")
    n.require_shapes(x.rank == 3, f"operand 0 must have 3 dimensions, not shape {x.shape}")
    n.require_shapes(recurrent.rank in (1, 2), "operand 8 must be a matrix [units, outputs]")
    return [(*x.shape[:2], recurrent.shape[-1])]


def prepare(n: Node) -> Params:
    options = n.options(UnidirectionalSequenceLSTMOptions)
    x = n.input(0)
    batch = x.shape[1] if options.time_major else x.shape[0]
    n.require(n.output().type == x.type, f"result type {n.output().type.name} is not {x.type.name}")
    cell: FloatCell | IntegerCell
    if x.type == TensorType.INT8:
        checked = check_cell(n, LAYOUT, INTEGER_TYPES, batch, x.shape[2], options)
        cell = _lstm_integer.prepare(n, checked, rows_apart=not options.time_major)
    elif n.input(4).type == TensorType.FLOAT32:
        checked = check_cell(n, LAYOUT, FLOAT_TYPES, batch, x.shape[2], options)
        cell = _lstm_float.prepare_float(n, checked)
    else:
        checked = check_cell(n, LAYOUT, HYBRID_TYPES, batch, x.shape[2], options)
        cell = _lstm_float.prepare_hybrid_cell(n, checked, options.asymmetric_quantize_inputs)
    return Params(cell, options.time_major)


def eval_float(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    y = run_float(p.cell, inputs, steps_first(inputs[0], p.time_major), None, ctx)
    return [steps_in_place(y, p.time_major)]


def eval_int8(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    y = run_integer(p.cell, inputs, steps_first(inputs[0], p.time_major), ctx)
    return [steps_in_place(y, p.time_major)]


def version(n: Node) -> int:
    options = n.options(UnidirectionalSequenceLSTMOptions)
    if options.diagonal_recurrent_tensors:
        return 4
    if n.input(0).type == TensorType.FLOAT32 and n.input(2).type == TensorType.INT8:
        return 3 if options.asymmetric_quantize_inputs else 2
    return 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float, "int8": eval_int8},
    rules=RULES,
    steps=STEPS,
    version=version,
)

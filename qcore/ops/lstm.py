"""LSTM: one step of an LSTM cell, its state kept from one run to the next.

    c, h = step(x, c, h);  y = h        step: see _lstm.py; x [batch, inputs], y [batch, outputs]

    float32   _lstm_float.py; the basic kernel (5 operands, 4 results): _lstm_basic.py
    hybrid    float32 with int8 weights: _lstm_float.py
    int8      _lstm_integer.py with 5 intermediate tensors, _lstm_integer8.py with 12
    uint8     the basic kernel: _lstm_basic.py

TFLite: kernels/lstm.cc, kernels/lstm_eval.cc
"""

from __future__ import annotations

from typing import Any

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _lstm, _lstm_basic, _lstm_integer, _lstm_integer8
from qcore.ops._lstm import FULL, RULES, check_cell
from qcore.ops._lstm_basic import BasicParams, eval_basic_float, eval_basic_uint8, infer_basic, prepare_basic
from qcore.ops._lstm_float import FLOAT_TYPES, HYBRID_TYPES, FloatCell, prepare_float, prepare_hybrid_cell, run_float
from qcore.ops._lstm_integer import INTEGER_TYPES, IntegerCell, run_integer
from qcore.ops._lstm_integer8 import Integer8Cell, run_integer8
from tflite_schema import LSTMKernelType, LSTMOptions, TensorType


def _is_basic(n: Node) -> bool:
    return n.options(LSTMOptions).kernel_type == LSTMKernelType.BASIC


def infer(n: Node) -> list[Shape]:
    if _is_basic(n):
        return list(infer_basic(n))
    x, recurrent = n.input(0), n.input(8)
    n.require(len(n.inputs) in (20, 24), f"an LSTM has 20 or 24 operands, not {len(n.inputs)}")
    n.require_shapes(x.rank == 2, f"operand 0 must have 2 dimensions, not shape {x.shape}")
    n.require_shapes(recurrent.rank == 2, "operand 8 must be a matrix [units, outputs]")
    return [(x.shape[0], recurrent.shape[1])]


def prepare(n: Node) -> BasicParams | FloatCell | IntegerCell | Integer8Cell:
    if _is_basic(n):
        return prepare_basic(n)
    options = n.options(LSTMOptions)
    x, y = n.input(0), n.output()
    batch, size = x.shape
    n.require(x.type == y.type, f"result type {y.type.name} is not {x.type.name}")
    if x.type == TensorType.UINT8:
        raise n.unsupported("uint8 has only the basic kernel (kernel_type BASIC)")
    if x.type == TensorType.INT8:
        checked = check_cell(n, FULL, INTEGER_TYPES, batch, size, options)
        if len(n.intermediates) == 12:
            return _lstm_integer8.prepare(n, checked)
        return _lstm_integer.prepare(n, checked, rows_apart=False)
    if n.input(4).type == TensorType.FLOAT32:
        return prepare_float(n, check_cell(n, FULL, FLOAT_TYPES, batch, size, options))
    checked = check_cell(n, FULL, HYBRID_TYPES, batch, size, options)
    return prepare_hybrid_cell(n, checked, options.asymmetric_quantize_inputs)


def eval_float(p: FloatCell | BasicParams, inputs: list[Any], ctx: Context) -> list[Array]:
    if isinstance(p, BasicParams):
        return eval_basic_float(p, inputs, ctx)
    return [run_float(p, inputs, inputs[0][None], None, ctx)[0]]


def eval_int8(p: IntegerCell | Integer8Cell, inputs: list[Any], ctx: Context) -> list[Array]:
    if isinstance(p, Integer8Cell):
        return [run_integer8(p, inputs, inputs[0][None], ctx)[0]]
    return [run_integer(p, inputs, inputs[0][None], ctx)[0]]


def version(n: Node) -> int:
    if _is_basic(n):
        return 2
    if n.input(0).type == TensorType.FLOAT32 and n.input(2).type == TensorType.INT8:
        return 4 if n.options(LSTMOptions).asymmetric_quantize_inputs else 3
    return 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float, "int8": eval_int8, "uint8": eval_basic_uint8},
    rules=RULES,
    steps={**_lstm.STEPS, **_lstm_basic.STEPS},
    version=version,
)

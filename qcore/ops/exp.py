"""EXP: y = exp(x); 8 bits and int16 through a table, see _table.py.

TFLite: kernels/exp.cc
"""

from __future__ import annotations

from qcore.numerics import float32
from qcore.op import Node, Op, by_type
from qcore.ops import _table
from qcore.ops._delegate import refused_floats
from qcore.ops._table import eval_table, float_kernel
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation


def prepare(n: Node) -> object:
    return _table.prepare(n, float32.exp)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": float_kernel(float32.exp), "int8": eval_table, "int16": eval_table},
    rules=Rules(inputs=(activation(),)),
    steps=_table.STEPS | _table.STEPS_INT16,
    version=by_type(int8=2, int16=2),
    refused=refused_floats,
)

"""ELU: y = x where x >= 0, exp(x) - 1 below; int8 through a table, see _table.py.

TFLite: kernels/activations.cc (EluPrepare; no reference kernel is registered)
"""

from __future__ import annotations

import numpy as np

from qcore.numerics import float32
from qcore.op import Array, Node, Op
from qcore.ops import _table
from qcore.ops._delegate import refused_bytes
from qcore.ops._table import eval_table, float_kernel
from qcore.ops._unary import infer_same_shape
from qcore.rules import FLOAT_ONLY


def elu(x: Array) -> Array:
    return np.where(x < 0, float32.expm1(x), x)


def prepare(n: Node) -> object:
    return _table.prepare(n, elu)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": float_kernel(elu), "int8": eval_table},
    rules=FLOAT_ONLY,
    steps=_table.STEPS,
    refused=refused_bytes,
)

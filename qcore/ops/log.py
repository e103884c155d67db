"""LOG: y = log(x); 8 bits and int16 through a table, see _table.py.

In the tables, numbers that are not above 0 give the lowest result.
TFLite: kernels/elementwise.cc (LogLUTPrepare)
"""

from __future__ import annotations

import numpy as np

from qcore.numerics import float32
from qcore.op import Array, Node, Op, by_type
from qcore.ops import _table
from qcore.ops._delegate import unknown
from qcore.ops._table import eval_table, float_kernel
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation


def prepare(n: Node) -> object:
    y = n.output()
    if y.dtype.kind != "i":
        return _table.prepare(n, float32.log)
    with np.errstate(over="ignore"):
        lowest = np.float32(np.iinfo(y.dtype).min - y.zero_point) * y.scale

    def log_above_zero(v: Array) -> Array:
        return np.where(v <= 0, lowest, float32.log(v))

    return _table.prepare(n, log_above_zero)


def refused(n: Node) -> str | None:
    """TensorFlow's XNNPACK does not take it; what that of ai-edge-litert computes is not known."""
    if n.kernels.version == "litert-2.3":
        raise unknown(n)
    return "XNNPACK has it not in this version"


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": float_kernel(float32.log), "int8": eval_table, "int16": eval_table},
    rules=Rules(inputs=(activation(),)),
    steps=_table.STEPS | _table.STEPS_INT16,
    version=by_type(int8=2, int16=2),
    refused=refused,
)

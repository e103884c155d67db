"""RIGHT_SHIFT: y = a >> min(max(b, 0), bits - 1), arithmetic for signed types, with broadcasting.

TFLite: kernels/right_shift.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Op
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.rules import FLOAT_ONLY


def right_shift(a: Array, b: Array) -> Array:
    return np.asarray(np.right_shift(a, np.clip(b, 0, 8 * a.itemsize - 1)))


_KERNEL = eval_binary(right_shift)
OP = Op(
    infer=infer_broadcast,
    prepare=prepare_pair,
    kernels={
        "int8": _KERNEL,
        "uint8": _KERNEL,
        "int16": _KERNEL,
        "uint16": _KERNEL,
        "int32": _KERNEL,
        "uint32": _KERNEL,
    },
    rules=FLOAT_ONLY,
)

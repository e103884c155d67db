"""SIGN: y = 1, 0 or -1 as x is above, at or below 0; NaN gives 0.

TFLite: kernels/sign.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Op, by_type
from qcore.ops._unary import eval_float, infer_same_shape, prepare_plain
from qcore.rules import FLOAT_ONLY


def sign(x: Array) -> Array:
    return np.asarray(np.greater(x, 0).astype(x.dtype) - np.less(x, 0).astype(x.dtype))


_KERNEL = eval_float(sign)
OP = Op(
    infer=infer_same_shape,
    prepare=prepare_plain,
    kernels={"float32": _KERNEL, "float64": _KERNEL, "int32": _KERNEL},
    rules=FLOAT_ONLY,
    version=by_type(int32=2),
)

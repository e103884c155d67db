"""SQUARE: y = x * x.

TFLite: kernels/elementwise.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Op
from qcore.ops._delegate import refused_floats
from qcore.ops._unary import eval_float, infer_same_shape, prepare_plain
from qcore.rules import FLOAT_ONLY

_KERNEL = eval_float(np.square)
OP = Op(
    infer=infer_same_shape,
    prepare=prepare_plain,
    kernels={"float32": _KERNEL},
    rules=FLOAT_ONLY,
    refused=refused_floats,
)

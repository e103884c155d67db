"""CEIL: y = the smallest whole number not below x.

TFLite: kernels/ceil.cc (no reference kernel is registered)
"""

from __future__ import annotations

import numpy as np

from qcore.op import Op
from qcore.ops._delegate import refused_floats
from qcore.ops._unary import eval_float, infer_same_shape, prepare_plain
from qcore.rules import FLOAT_ONLY

_KERNEL = eval_float(np.ceil)
OP = Op(
    infer=infer_same_shape,
    prepare=prepare_plain,
    kernels={"float32": _KERNEL},
    rules=FLOAT_ONLY,
    refused=refused_floats,
)

"""LOGICAL_OR: y = a or b, with broadcasting.

TFLite: kernels/logical.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Op
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.rules import FLOAT_ONLY

_KERNEL = eval_binary(np.logical_or)
OP = Op(
    infer=infer_broadcast,
    prepare=prepare_pair,
    kernels={"bool": _KERNEL},
    rules=FLOAT_ONLY,
)

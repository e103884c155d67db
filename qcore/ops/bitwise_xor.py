"""BITWISE_XOR: y = a ^ b, bit by bit, with broadcasting.

TFLite: kernels/bitwise_xor.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Op
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.rules import FLOAT_ONLY

_KERNEL = eval_binary(np.bitwise_xor)
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

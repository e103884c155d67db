"""GREATER: y = a > b, with broadcasting; see _comparison.py.

TFLite: kernels/comparisons.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Op, by_type
from qcore.ops import _comparison
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._comparison import NUMBERS, QUANTIZED
from qcore.ops._half import bfloat16_kernel

_KERNELS = _comparison.kernels(np.greater, *NUMBERS, *QUANTIZED)
OP = Op(
    infer=infer_broadcast,
    prepare=_comparison.prepare,
    kernels={**_KERNELS, "bfloat16": bfloat16_kernel(_KERNELS["float32"])},
    rules=_comparison.RULES,
    steps=_comparison.STEPS,
    version=by_type(int8=2),
)

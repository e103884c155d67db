"""EQUAL: y = a == b, with broadcasting; see _comparison.py.

TFLite: kernels/comparisons.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Node, Op, by_type
from qcore.ops import _comparison
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._comparison import NUMBERS, QUANTIZED


def prepare(n: Node) -> _comparison.Params:
    return _comparison.prepare(n, scales_int16=True)


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels=_comparison.kernels(np.equal, *NUMBERS, *QUANTIZED, "bool", "string"),
    rules=_comparison.RULES,
    steps=_comparison.STEPS,
    version=by_type(int8=2, int16=5, string=3),
)

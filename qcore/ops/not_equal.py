"""NOT_EQUAL: y = a != b, with broadcasting; see _comparison.py.

TFLite: kernels/comparisons.cc
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qcore.op import Node, Op, by_type
from qcore.ops import _comparison
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._comparison import NUMBERS, QUANTIZED
from qcore.ops._scaling import has_scale
from tflite_schema import TensorType


def prepare(n: Node) -> _comparison.Params:
    if n.input(0).type == TensorType.INT16 and not has_scale(n.input(0)):
        raise n.unsupported("TFLite's NOT_EQUAL leaves the result of int16 without scales unwritten")
    return _comparison.prepare(n, scales_int16=True)


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels=_comparison.kernels(np.not_equal, *NUMBERS, *QUANTIZED, "bool", "string"),
    # Unlike the other comparisons, the converter leaves it in float.
    rules=replace(_comparison.RULES, quantizable=frozenset()),
    steps=_comparison.STEPS,
    version=by_type(int8=2, int16=4, string=3),
)

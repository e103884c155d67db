"""ATAN2: y = the angle of the point (b, a), in (-pi, pi]; both operands have one shape.

TFLite: kernels/atan2.cc
"""

from __future__ import annotations

import numpy as np

from qcore.numerics import float32
from qcore.op import Array, Node, Op, Shape
from qcore.ops._half import bfloat16_kernel
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.rules import FLOAT_ONLY


def infer(n: Node) -> list[Shape]:
    a, b = n.input(0).shape, n.input(1).shape
    n.require_shapes(a == b, f"operands must have one shape, not {a} and {b}")
    return [a]


def arctan2(a: Array, b: Array) -> Array:
    return np.arctan2(a, b) if a.dtype == np.float64 else float32.arctan2(a, b).astype(a.dtype)


_KERNEL = eval_binary(arctan2)
OP = Op(
    infer=infer,
    prepare=prepare_pair,
    kernels={"float32": _KERNEL, "float64": _KERNEL, "float16": _KERNEL, "bfloat16": bfloat16_kernel(_KERNEL)},
    rules=FLOAT_ONLY,
)

"""REDUCE_MAX: the largest value over axes.

    y = max(x)

Integers are compared as they are; operand and result share scale and zero point. float32: a NaN is passed over; the
search starts at the lowest finite number, or at the first element where all axes are reduced. Other kernel sets always
start at the first element; what they make of NaN is refused.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

from qcore.op import Op, by_type
from qcore.ops import _reduction
from qcore.ops._reduction_xnnpack import refused
from qcore.rules import Rules, activation, same_as, untouched

OP = Op(
    infer=_reduction.infer,
    prepare=_reduction.prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int16", "int32", "int64", "bool"), _reduction.eval_maximum),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    steps={"fold": "max(x)"},
    version=by_type(int8=2, int16=3),
    refused=refused,
)

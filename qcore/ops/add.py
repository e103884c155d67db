"""ADD: elementwise sum with broadcasting.

    float32, int32, int64   y = clamp(a + b); integers wrap
    int8, uint8, int16      y = clamp(round(a' + b', M) + zy), a' and b' at a common scale: see _addition.py

TFLite: kernels/add.cc; internal/reference/integer_ops/add.h
"""

from __future__ import annotations

from qcore.op import Node, Op, by_type
from qcore.ops import _addition
from qcore.ops._addition import eval_integer, eval_quantized
from qcore.ops._broadcast import infer_broadcast
from qcore.rules import Rules, activation


def prepare(n: Node) -> object:
    return _addition.prepare(n, sign=1)


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels={
        "float32": eval_integer,
        "int32": eval_integer,
        "int64": eval_integer,
        "uint8": eval_quantized,
        "int8": eval_quantized,
        "int16": eval_quantized,
    },
    rules=Rules(inputs=(activation(), activation())),
    steps=_addition.STEPS,
    version=by_type(int8=2, int16=2, int64=4),
)

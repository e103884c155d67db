"""SUB: elementwise difference with broadcasting.

    float32, int32, int64   y = clamp(a - b); integers wrap
    int8, uint8, int16      y = clamp(round(a' - b', M) + zy), a' and b' at a common scale: see _addition.py

TFLite: kernels/sub.cc; internal/reference/sub.h
"""

from __future__ import annotations

from qcore.op import Node, Op
from qcore.ops import _addition
from qcore.ops._addition import eval_integer, eval_quantized
from qcore.ops._addition_xnnpack import refused
from qcore.ops._broadcast import infer_broadcast
from qcore.rules import Rules, activation
from tflite_schema import SubOptions, TensorType


def prepare(n: Node) -> object:
    return _addition.prepare(n, sign=-1)


def version(n: Node) -> int:
    a, b = n.input(0), n.input(1)
    if a.type == TensorType.INT16 and not n.options(SubOptions).pot_scale_int16:
        return 5
    if a.type == TensorType.INT64:
        return 4
    if a.shape != b.shape and max(a.rank, b.rank) > 4:
        return 3
    return 2 if a.type == TensorType.INT8 else 1


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
    rules=Rules(inputs=(activation(),)),
    steps=_addition.STEPS,
    version=version,
    refused=refused,
)

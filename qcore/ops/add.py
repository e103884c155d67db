"""ADD: elementwise sum with broadcasting.

    float32, int32, int64   y = clamp(a + b); integers wrap; so does int16 without scales
    int8, uint8, int16      y = clamp(round(a' + b', M) + zy), a' and b' at a common scale: see _addition.py

TFLite: kernels/add.cc; internal/reference/integer_ops/add.h
"""

from __future__ import annotations

from qcore.op import Node, Op
from qcore.ops import _addition
from qcore.ops._addition import eval_integer, eval_quantized
from qcore.ops._addition_xnnpack import refused
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._scaling import has_scale
from qcore.rules import Rules, activation
from tflite_schema import AddOptions, TensorType


def prepare(n: Node) -> object:
    return _addition.prepare(n, sign=1)


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.INT16:
        return (1 if n.options(AddOptions).pot_scale_int16 else 3) if has_scale(x) else 5
    return {TensorType.INT64: 4, TensorType.INT8: 2}.get(x.type, 1)


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

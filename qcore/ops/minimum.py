"""MINIMUM: y = the smaller of two numbers, a < b ? a : b; raw values, so operands and result need one quantization.

TFLite: kernels/maximum_minimum.cc; internal/reference/maximum_minimum.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Node, Op
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._delegate import refused_floats
from qcore.ops._half import bfloat16_kernel
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.rules import Rules, activation, same_as
from tflite_schema import TensorType


def minimum(a: Array, b: Array) -> Array:
    return np.where(a < b, a, b) if a.dtype.kind == "f" else np.minimum(a, b)  # the float kernel lets a NaN in b win


def version(n: Node) -> int:
    a, b = n.input(0), n.input(1)
    if a.type == TensorType.INT16:
        return 4
    if a.shape != b.shape and max(a.rank, b.rank) > 4:
        return 3
    return 2 if a.type == TensorType.INT8 else 1


_KERNEL = eval_binary(minimum)
OP = Op(
    infer=infer_broadcast,
    prepare=prepare_pair,
    kernels={
        "float32": _KERNEL,
        "float16": _KERNEL,
        "bfloat16": bfloat16_kernel(_KERNEL),
        "int8": _KERNEL,
        "uint8": _KERNEL,
        "int16": _KERNEL,
        "int32": _KERNEL,
        "int64": _KERNEL,
    },
    rules=Rules(inputs=(activation(), same_as(0)), outputs=(same_as(0),)),
    version=version,
    refused=refused_floats,
)

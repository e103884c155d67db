"""RELU6: y = min(max(x, 0), 6).

TFLite: kernels/activations.cc; the integer arithmetic is in _relu.py.
"""

from __future__ import annotations

from qcore.op import Node, Op, by_type
from qcore.ops import _relu
from qcore.ops._delegate import refused_floats
from qcore.ops._relu import eval_float32, eval_integer
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation


def prepare(n: Node) -> object:
    return _relu.prepare(n, (0.0, 6.0))


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": eval_integer, "uint8": eval_integer, "int16": eval_integer},
    rules=Rules(inputs=(activation(),)),
    steps=_relu.STEPS,
    version=by_type(int8=2, int16=3),
    refused=refused_floats,
)

"""PAD: the operand amid zeros; each dimension grows by its paddings.

    y[i] = x[i - before]  inside the operand;  elsewhere 0, which is the result's zero point where x is quantized

Paddings: integers [rank, 2], not negative; up to 5 dimensions.

TFLite: kernels/pad.cc; internal/reference/pad.h
"""

from __future__ import annotations

from qcore.op import Node, Op
from qcore.ops._delegate import refused_movement, refused_result
from qcore.ops._movement import COMMON, kernels
from qcore.ops._pad import eval_pad, infer_pad, prepare_pad, version
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and constant int32 paddings."""
    x, paddings, y = n.input(0), n.input(1), n.output()
    if paddings.value is None or paddings.type != TensorType.INT32:
        return "its paddings are not constant int32 numbers"
    return "it is empty" if 0 in x.shape else refused_result(n, 1) or refused_movement(n, x, y)


OP = Op(
    infer=infer_pad,
    prepare=prepare_pad,
    kernels=kernels(eval_pad, *COMMON, "bool", "float16", "bfloat16"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
    refused=refused,
)

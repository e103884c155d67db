"""PAD: the operand amid zeros; each dimension grows by its paddings.

    y[i] = x[i - before]  inside the operand;  elsewhere 0, which is the result's zero point where x is quantized

Paddings: integers [rank, 2], not negative; up to 5 dimensions.

TFLite: kernels/pad.cc; internal/reference/pad.h
"""

from __future__ import annotations

from qcore.op import Op
from qcore.ops._movement import COMMON, kernels
from qcore.ops._pad import eval_pad, infer_pad, prepare_pad, version
from qcore.rules import Rules, activation, same_as, untouched

OP = Op(
    infer=infer_pad,
    prepare=prepare_pad,
    kernels=kernels(eval_pad, *COMMON, "bool", "float16", "bfloat16"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    version=version,
)

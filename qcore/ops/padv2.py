"""PADV2: the operand amid a given value; each dimension grows by its paddings.

    y[i] = x[i - before]  inside the operand;  elsewhere the value of operand 2, a scalar (PAD's zero if omitted)

Quantized: the value has the result's scale and zero point. Paddings as in PAD.

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
    rules=Rules(
        inputs=(activation(), untouched(), same_as(0)),
        outputs=(same_as(0),),
        by_scheme={"int16x8": Rules(inputs=(activation(), untouched()), outputs=(same_as(0),))},
    ),
    version=version,
)

"""STABLEHLO_ADD: elementwise sum of two operands of one shape.

    y = a + b;  integers wrap, booleans are or-ed

Scales are not read: quantized operands are added as the integers they are.

TFLite: kernels/stablehlo_add.cc; kernels/stablehlo_elementwise.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context
from qcore.ops._stablehlo_binary import FLOATS, INTEGERS, operator


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    with np.errstate(over="ignore", invalid="ignore"):
        return [np.asarray(a + b)]


OP = operator(eval_any, *FLOATS, *INTEGERS)

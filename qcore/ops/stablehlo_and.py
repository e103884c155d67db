"""STABLEHLO_AND: the bits that two operands of one shape have in common; for booleans, both.

    y = a & b

TFLite registers it with the optimized kernels only.

TFLite: kernels/stablehlo_and.cc; kernels/stablehlo_elementwise.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context
from qcore.ops._stablehlo_binary import INTEGERS, operator


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    return [np.asarray(a & b)]


OP = operator(eval_any, *INTEGERS)

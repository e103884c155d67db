"""STABLEHLO_MAXIMUM: the larger of two operands of one shape, element by element.

    y = b where a < b, else a;  so NaN in a stays and NaN in b is passed over

Scales are not read: quantized operands are compared as the integers they are.

TFLite: kernels/stablehlo_min_max.cc; kernels/stablehlo_elementwise.h
"""

from __future__ import annotations

from qcore.op import Array, Context
from qcore.ops._stablehlo_binary import FLOATS, INTEGERS, larger, operator


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    return [larger(a, b)]


OP = operator(eval_any, *FLOATS, *INTEGERS)

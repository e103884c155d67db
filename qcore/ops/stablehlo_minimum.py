"""STABLEHLO_MINIMUM: the smaller of two operands of one shape, element by element.

    y = b where b < a, else a;  so NaN in a stays and NaN in b is passed over

Scales are not read: quantized operands are compared as the integers they are.

TFLite: kernels/stablehlo_min_max.cc; kernels/stablehlo_elementwise.h
"""

from __future__ import annotations

from qcore.op import Array, Context
from qcore.ops._stablehlo_binary import FLOATS, INTEGERS, operator, smaller


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    return [smaller(a, b)]


OP = operator(eval_any, *FLOATS, *INTEGERS)

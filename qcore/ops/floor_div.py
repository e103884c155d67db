"""FLOOR_DIV: y = floor(a / b) with broadcasting, the quotient in float64; raw values. Zeros in b are refused.

int8, int16: the lowest number by -1 is no number of the type. C leaves the result undefined, and TFLite gives the
highest or the lowest, as the compiler's vector code falls on the element: refused.

TFLite: kernels/floor_div.cc; internal/reference/floor_div.h
"""

from __future__ import annotations

import numpy as np

from qcore.errors import UnsupportedError
from qcore.numerics.float32 import to_int32
from qcore.op import Array, Context, Op, by_type
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import prepare_pair, require_no_zero
from qcore.rules import FLOAT_ONLY


def eval_floor_div(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    require_no_zero(b, p)
    with np.errstate(all="ignore"):
        y = np.floor(np.divide(a, b, dtype=np.float64))
        if a.dtype.itemsize < 4 and (y > np.iinfo(a.dtype).max).any():
            raise UnsupportedError(f"{p}: {np.iinfo(a.dtype).min} / -1 has no {a.dtype} result; clamp operand 0 first")
        return [np.asarray(y if a.dtype == np.float32 else to_int32(y)).astype(a.dtype)]


OP = Op(
    infer=infer_broadcast,
    prepare=prepare_pair,
    kernels={"float32": eval_floor_div, "int8": eval_floor_div, "int16": eval_floor_div, "int32": eval_floor_div},
    rules=FLOAT_ONLY,
    version=by_type(int8=3, int16=3, float32=2),
)

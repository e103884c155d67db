"""POW: y = a ^ b with broadcasting.

    float32   through float64. Where shapes differ and b is one whole number above 0: products of squares, each product
              clamped to float32's finite range
    int32     through float64 too; outside int32 gives INT32_MIN. Where shapes differ and b is one number above 0:
              products of squares that wrap. Negative numbers in b are refused

TFLite: kernels/pow.cc; internal/optimized/optimized_ops.h (BroadcastPow4D)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qcore.errors import UnsupportedError
from qcore.numerics import float32
from qcore.numerics.fixedpoint import round_half_away
from qcore.op import Array, Context, Node, Op
from qcore.ops._activation import clamp
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import prepare_pair
from qcore.rules import FLOAT_ONLY


def prepare(n: Node) -> str:
    return prepare_pair(n)


def _whole_exponent(a: Array, b: Array) -> int | None:
    """The exponent, if TFLite multiplies instead of calling pow: one number, whole to 1e-5, above 0."""
    if b.size != 1 or a.shape == b.shape:
        return None
    exponent: Any = b.reshape(-1)[0]
    nearest = int(float32.to_int32(round_half_away(np.float64(exponent))))
    return nearest if abs(exponent - nearest) < 1e-5 and nearest >= 1 else None


def _multiply(a: Array, exponent: int) -> Array:
    """a^exponent from the highest bit of the exponent down."""
    y = a.copy()
    for bit in bin(exponent)[3:]:
        y = clamp(y * y, (None, None))
        if bit == "1":
            y = clamp(a * y, (None, None))
    return y


def eval_pow(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    if b.dtype == np.int32 and (b < 0).any():
        raise UnsupportedError(f"{p}: int32 exponents must not be negative; operand 1 goes down to {b.min()}")
    whole = _whole_exponent(a, b)
    with np.errstate(all="ignore"):
        if whole is not None:
            return [_multiply(a, whole).reshape(np.broadcast_shapes(a.shape, b.shape))]
        if a.dtype == np.float32:
            return [float32.power(a, b)]
        return [float32.to_int32(np.power(a.astype(np.float64), b)).astype(np.int32)]


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels={"float32": eval_pow, "int32": eval_pow},
    rules=FLOAT_ONLY,
)

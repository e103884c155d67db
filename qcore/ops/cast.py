"""CAST: the same numbers in another type.

    integer to integer   the low bits (C's conversion)
    float to integer     towards zero. Outside the type: float32 saturates in uint8, int16 and int32, with NaN as 0 in
                         uint8 and INT32_MAX in int32; other floats to int32, and all to int64, give the lowest number
    float32 to int4      clamped to [-8, 7], then towards zero; NaN is 7. int2 and uint4: the same in their ranges
    to float16           through float32
    to bool              whether the number is not 0; complex numbers lose their imaginary part

The remaining conversions outside the type are undefined in C, and TFLite's result changes with the position in the
array: they are refused.
TFLite: kernels/cast.cc, as compiled for x86
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.errors import UnsupportedError
from qcore.numerics.float32 import from_bfloat16, to_bfloat16
from qcore.op import Array, Context, Node, Op
from qcore.ops._unary import infer_same_shape
from qcore.rules import FLOAT_ONLY
from tflite_schema import TensorType

_TYPES = (
    TensorType.BOOL,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.UINT16,
    TensorType.INT32,
    TensorType.UINT32,
    TensorType.INT64,
    TensorType.FLOAT16,
    TensorType.BFLOAT16,
    TensorType.FLOAT32,
    TensorType.FLOAT64,
    TensorType.COMPLEX64,
)
_SMALL = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15), TensorType.INT2: (-2, 1)}
_SATURATES = {TensorType.UINT8: 0, TensorType.INT16: None, TensorType.INT32: 2**31 - 1}
"""The types in which float32 saturates, and what NaN becomes there; None: it changes with the position."""


@dataclass(frozen=True, slots=True)
class Params:
    """From which type to which; `place` for messages."""

    source: TensorType
    target: TensorType
    dtype: np.dtype[np.generic]
    place: str


def prepare(n: Node) -> Params:
    x, y = n.input(0), n.output()
    types = (x.type, y.type)
    small = TensorType.FLOAT32 in types and any(type_ in _SMALL for type_ in types)
    if not (small or all(type_ in _TYPES for type_ in types)):
        raise n.unsupported("TFLite casts 4- and 2-bit integers from and to float32 only, and not these types")
    return Params(x.type, y.type, y.dtype, n.place)


def eval_cast(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if p.target == p.source:
        return [x]
    if p.source == TensorType.BFLOAT16:
        x = from_bfloat16(x)
    if x.dtype.kind == "c" and p.target != TensorType.COMPLEX64:
        x = x.real
    with np.errstate(all="ignore"):
        if p.target == TensorType.BFLOAT16:
            return [to_bfloat16(x.astype(np.float32))]
        if p.target == TensorType.FLOAT16:
            return [x.astype(np.float32).astype(np.float16)]
        if p.target in _SMALL:
            low, high = _SMALL[p.target]
            return [np.where(np.isnan(x), np.float32(high), np.clip(x, low, high)).astype(p.dtype)]
        if x.dtype.kind == "f" and p.dtype.kind in "iu":
            return [_to_integer(p, x)]
        return [x.astype(p.dtype)]


def _to_integer(p: Params, x: Array) -> Array:
    info = np.iinfo(p.dtype)  # type: ignore[type-var]
    whole = np.trunc(x.astype(np.float64))
    inside = (whole >= info.min) & (whole <= info.max)
    if p.target == TensorType.INT64:
        inside = (whole >= -(2.0**63)) & (whole < 2.0**63)
    if inside.all():
        return x.astype(p.dtype)
    nan = np.isnan(x)
    if p.source == TensorType.FLOAT32 and p.target in _SATURATES:
        of_nan = _SATURATES[p.target]
        if of_nan is not None or not nan.any():
            return np.where(nan, of_nan or 0, np.clip(whole, info.min, info.max)).astype(p.dtype)
        inside |= ~nan
    if p.target in (TensorType.INT32, TensorType.INT64) and p.source != TensorType.COMPLEX64:
        return np.where(inside, np.where(inside, x, 0).astype(p.dtype), p.dtype.type(info.min))
    raise UnsupportedError(
        f"{p.place} ({p.source.name.lower()} -> {p.target.name.lower()}): {x[~inside].flat[0]} is outside "
        f"[{info.min}, {info.max}], where C leaves the result undefined. Clamp the numbers first"
    )


def version(n: Node) -> int:
    types = {n.input(0).type, n.output().type}
    if TensorType.BFLOAT16 in types:
        return 7
    if n.input(0).type == TensorType.INT4:
        return 6
    for of_version, members in (
        (5, {TensorType.FLOAT64, TensorType.FLOAT16}),
        (4, {TensorType.UINT16}),
        (3, {TensorType.INT8}),
        (2, {TensorType.UINT32}),
    ):
        if types & members:
            return of_version
    return 1


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={type_.name.lower(): eval_cast for type_ in (*_TYPES, *_SMALL)},
    rules=FLOAT_ONLY,
    version=version,
)

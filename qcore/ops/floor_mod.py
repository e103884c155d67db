"""FLOOR_MOD: the remainder of a / b with the sign of b, with broadcasting; raw values. Integer zeros in b are refused.

    y = fmod(a, b), plus b where the signs of the two differ and the remainder is not 0

TFLite: kernels/floor_mod.cc; internal/reference/floor_mod.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Op, by_type
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._numbers import prepare_pair, require_no_zero
from qcore.rules import FLOAT_ONLY


def eval_float32(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    with np.errstate(all="ignore"):
        y = np.fmod(a, b)
        return [np.where((y != 0) & ((b < 0) != (y < 0)), y + b, y)]


def eval_integer(p: str, inputs: list[Array], ctx: Context) -> list[Array]:
    require_no_zero(inputs[1], p)
    return [np.asarray(np.remainder(*inputs))]


OP = Op(
    infer=infer_broadcast,
    prepare=prepare_pair,
    kernels={
        "float32": eval_float32,
        "int8": eval_integer,
        "int16": eval_integer,
        "int32": eval_integer,
        "int64": eval_integer,
    },
    rules=FLOAT_ONLY,
    version=by_type(int8=2, int16=2),
)

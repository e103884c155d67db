"""L2_POOL_2D: the root of the mean square of each window, over the taps that lie inside the image.

    y = clamp(sqrt(sum(x^2) / taps))

TFLite: kernels/pooling.cc; internal/reference/pooling.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics.window import pad_with, patches
from qcore.op import Array, Context, Op
from qcore.ops import _pool
from qcore.ops._activation import clamp
from qcore.ops._pool import Params


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    with np.errstate(all="ignore"):
        squares = pad_with(x * x, 0.0, p.geometry)
        acc = ctx.trace("accumulate", np.add.reduce(patches(squares, p.geometry), axis=(3, 4)))
        y = ctx.trace("root", np.sqrt(acc / p.taps.astype(np.float32)))
    return [ctx.trace("clamp", clamp(y.copy(), p.activation_range))]


OP = Op(
    infer=_pool.infer,
    prepare=_pool.prepare,
    kernels={"float32": eval_float32},
    steps={"accumulate": "sum(x^2) over the window", "root": "sqrt(sum / taps)", "clamp": "clamp(root)"},
)

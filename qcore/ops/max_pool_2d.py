"""MAX_POOL_2D: the largest value of each window.

    y = clamp(max(x over the window's taps inside the image))

Integers are compared as they are; operand and result share scale and zero point. float32: a NaN is passed over, and
the comparison starts at the lowest finite number.

TFLite: kernels/pooling.cc; internal/reference/pooling.h, internal/reference/integer_ops/pooling.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op
from qcore.ops import _pool
from qcore.ops._activation import clamp
from qcore.ops._delegate import refused_tensors
from qcore.ops._pool import Params, refused_gaps
from qcore.rules import Rules, activation, same_as


def eval_max(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if x.dtype.kind == "f":
        lowest = x.dtype.type(-np.inf if p.activation_range[0] == -np.inf else np.finfo(x.dtype).min)
    else:
        lowest = x.dtype.type(np.iinfo(x.dtype).min)
    y = ctx.trace("maximum", np.fmax(_pool.fold(np.fmax, x, p.geometry, lowest), lowest))
    return [ctx.trace("clamp", clamp(y.copy(), p.activation_range))]


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and windows that leave no gaps."""
    return refused_gaps(n) or refused_tensors(n, n.input(0), n.output())


OP = Op(
    infer=_pool.infer,
    prepare=_pool.prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int16"), eval_max),
    rules=Rules(inputs=(activation(),), outputs=(same_as(0),)),
    steps={"maximum": "max(x) over the window", "clamp": "clamp(maximum)"},
    version=_pool.version,
    refused=refused,
)

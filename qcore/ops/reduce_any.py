"""REDUCE_ANY: whether any value is true, over axes.

    y = x[0] or x[1] or ...

Of nothing it is false.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Op
from qcore.ops import _reduction
from qcore.ops._reduction import Params


def eval_bool(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [ctx.trace("fold", np.asarray(np.logical_or.reduce(inputs[0], axis=p.axes)).reshape(p.shape))]


OP = Op(
    infer=_reduction.infer,
    prepare=_reduction.prepare,
    kernels={"bool": eval_bool},
    steps={"fold": "any(x)"},
)

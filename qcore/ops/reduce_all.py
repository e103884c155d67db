"""REDUCE_ALL: whether all values are true, over axes.

    y = x[0] and x[1] and ...

Of nothing it is true.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Op
from qcore.ops import _reduction
from qcore.ops._reduction import Params


def eval_bool(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [ctx.trace("fold", np.asarray(np.logical_and.reduce(inputs[0], axis=p.axes)).reshape(p.shape))]


OP = Op(
    infer=_reduction.infer,
    prepare=_reduction.prepare,
    kernels={"bool": eval_bool},
    steps={"fold": "all(x)"},
)

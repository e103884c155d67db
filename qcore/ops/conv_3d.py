"""CONV_3D: a convolution over volumes.

    y = clamp(sum(x * w) + bias)          x [N, D, H, W, Ci], w [KD, KH, KW, Ci, Co]

TFLite: kernels/conv3d.cc; internal/reference/conv3d.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _conv_3d
from qcore.ops._conv_3d import Params, Window
from qcore.ops._movement import require_counts


def _window(n: Node) -> Window:
    require_counts(n, (2, 3))
    _conv_3d.check_operands(n, 0, 2, 3)
    (_, *volume, _), kernel = n.input(0).shape, n.input(1).shape
    return _conv_3d.window(n, (volume[0], volume[1], volume[2]), (kernel[0], kernel[1], kernel[2]))


def infer(n: Node) -> list[Shape]:
    output = _window(n).small
    return [(n.input(0).shape[0], *output, n.input(1).shape[4])]


def prepare(n: Node) -> Params:
    return _conv_3d.prepare(n, _window(n))


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, w, *bias = inputs
    acc = np.zeros(p.shape, np.float32)
    with np.errstate(all="ignore"):
        for tap, small, large in _conv_3d.taps(p.window):
            acc[:, small[0], small[1], small[2]] += x[:, large[0], large[1], large[2]] @ w[tap]
        acc = ctx.trace("accumulate", acc)
        return [ctx.trace("add_bias", _conv_3d.add_bias(acc, bias[0] if bias else None, p))]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32},
    steps={"accumulate": "sum(x * w)", "add_bias": "clamp(acc + bias)"},
)

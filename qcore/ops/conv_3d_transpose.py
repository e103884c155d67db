"""CONV_3D_TRANSPOSE: every element of the operand spreads over a window of the result.

    y[i * stride - padding + k * dilation] += x[i] * w[k]          x [N, D, H, W, Ci], w [KD, KH, KW, Co, Ci]
    y = clamp(y + bias)

Operands: the result's shape, filter, operand, bias.

TFLite: kernels/conv3d_transpose.cc; internal/reference/conv3d_transpose.h
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _conv_3d
from qcore.ops._conv_3d import Params
from qcore.ops._movement import require_counts, require_types
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, (3, 4))
    shape = require_types(n, 0, (TensorType.INT32,), "a shape")
    n.require_shapes(shape.shape == (5,), f"the shape operand has shape {shape.shape}, expected five numbers")
    _conv_3d.check_operands(n, 2, 3, 4)
    wanted = n.integers(0)
    if wanted is None:
        return [None]
    x, w = n.input(2).shape, n.input(1).shape
    n.require_shapes(min(wanted) >= 0, f"the wanted shape is {wanted}")
    fits = wanted[0] == x[0] and wanted[4] == w[3]
    n.require_shapes(fits, f"the wanted shape is {wanted}, but there are {x[0]} volumes and {w[3]} filters")
    window = _conv_3d.window(n, (wanted[1], wanted[2], wanted[3]), (w[0], w[1], w[2]))
    n.require_shapes(
        window.small == x[1:4], f"a result of {wanted} belongs to an operand of {window.small}, not of {x[1:4]}"
    )
    return [tuple(wanted)]


def prepare(n: Node) -> Params:
    y, w = n.output().shape, n.input(1).shape
    return _conv_3d.prepare(n, _conv_3d.window(n, (y[1], y[2], y[3]), (w[0], w[1], w[2])))


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    _, w, x, *bias = inputs
    acc = np.zeros(p.shape, np.float32)
    with np.errstate(all="ignore"):
        for tap, small, large in _conv_3d.taps(p.window):
            acc[:, large[0], large[1], large[2]] += x[:, small[0], small[1], small[2]] @ w[tap].T
        acc = ctx.trace("accumulate", acc)
        return [ctx.trace("add_bias", _conv_3d.add_bias(acc, bias[0] if bias else None, p))]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32},
    steps={"accumulate": "sum(x * w) over the windows that meet", "add_bias": "clamp(acc + bias)"},
    typed_by=2,
)

"""LOCAL_RESPONSE_NORMALIZATION: each value divided by a power of the energy of the channels around it.

    acc[c] = x[c - radius]^2 + ... + x[c + radius - 1]^2      channels that exist; c + radius is not among them
    y[c]   = x[c] * (bias + alpha * acc[c]) ^ -beta

The optimized kernel counts c + radius too, and adds and takes away channel by channel: it is not reproduced.

TFLite: kernels/local_response_norm.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics import float32
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._scaling import require_one_type
from tflite_schema import LocalResponseNormalizationOptions


@dataclass(frozen=True, slots=True)
class Params:
    """The options; no channel is further away than `radius`."""

    radius: int
    bias: float
    alpha: float
    beta: float


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    shape = n.input(0).shape
    n.require_shapes(len(shape) == 4, f"operand has shape {shape}, expected [batch, height, width, channels]")
    return [shape]


def prepare(n: Node) -> Params:
    require_one_type(n)
    options = n.options(LocalResponseNormalizationOptions)
    radius = min(options.radius, n.input(0).shape[3])
    return Params(radius, options.bias, options.alpha, options.beta)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    channels = x.shape[3]
    with np.errstate(all="ignore"):
        squares, acc = x * x, np.zeros_like(x)
        for offset in range(-p.radius, p.radius):
            first, last = max(0, -offset), min(channels, channels - offset)
            acc[..., first:last] += squares[..., first + offset : last + offset]
        acc = ctx.trace("accumulate", acc)
        factor = float32.power(np.float32(p.bias) + np.float32(p.alpha) * acc, -np.float32(p.beta))
        return [ctx.trace("output", x * factor)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32},
    steps={"accumulate": "sum(x^2) over neighbouring channels", "output": "x * (bias + alpha * acc)^-beta"},
    reference_only=frozenset({"float32"}),
)

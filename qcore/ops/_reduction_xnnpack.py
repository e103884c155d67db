"""XNNPACK's 8-bit MEAN and SUM, rescaled in float32, and what it asks of every reduction.

    y = clamp(round(sum(x) * f + (zy - n * zx * f)))     f = sx / sy for SUM, sx / sy * (1 / n) for MEAN

Every step is rounded to float32; halves go away from zero, in ai-edge-litert 2.3 to even.

XNNPACK: src/operators/reduce-nd.c
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import round_half_away
from qcore.numerics.float32 import to_int32
from qcore.op import Array, Context, Node
from qcore.ops._delegate import refused_tensors, unknown
from qcore.ops._reduction import Params

__all__ = ["XnnpackParams", "reduce_in_float32", "refused"]


@dataclass(frozen=True, slots=True)
class XnnpackParams:
    """f and zy - n * zx * f."""

    reduction: Params
    factor: np.float32
    offset: np.float32
    half_even: bool

    @staticmethod
    def of(n: Node, p: Params, *, mean: bool) -> XnnpackParams:
        """The constants of MEAN or SUM."""
        x, y = n.input(0), n.output()
        with np.errstate(all="ignore"):
            share = np.float32(1) / np.float32(p.count) if mean else np.float32(1)
            factor = np.float32(np.float32(x.scale / y.scale) * share)
            offset = np.float32(np.float32(y.zero_point) - np.float32(np.float32(p.count * x.zero_point) * factor))
        return XnnpackParams(p, factor, offset, n.kernels.rounds_half_even)


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, and constant axes, one at least."""
    x, y, axes = n.input(0), n.output(), n.input(1).value
    if axes is None:
        return "its axes are not constant"
    if axes.size == 0:
        return "it has no axes"
    if len({int(axis) % max(x.rank, 1) for axis in axes.reshape(-1)}) < axes.size or 0 in x.shape or x.rank == 0:
        raise unknown(n, "repeated axes, or of an empty or scalar operand,")
    return refused_tensors(n, x, y)


def reduce_in_float32(p: XnnpackParams, x: Array, ctx: Context) -> Array:
    """y of 8-bit x."""
    acc = np.add.reduce(x, axis=p.reduction.axes, dtype=np.int32).reshape(p.reduction.shape)
    acc = ctx.trace("accumulate", np.asarray(acc))
    with np.errstate(all="ignore"):
        real = np.asarray(acc.astype(np.float32) * p.factor + p.offset, np.float32)
    y = ctx.trace("requantize", to_int32(np.rint(real) if p.half_even else round_half_away(real)))
    limits = np.iinfo(x.dtype)
    return np.asarray(ctx.trace("clamp", np.clip(y, limits.min, limits.max))).astype(x.dtype)

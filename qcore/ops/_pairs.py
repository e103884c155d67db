"""8-bit operators of two operands as tables of their 65536 results.

The table is worked out when a run has asked for so many results that it pays; a recorded run always takes the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from qcore.numerics.trace import NO_TRACE, Trace
from qcore.op import Array, Context, Kernel
from qcore.ops._unary import in_blocks

__all__ = ["PairSteps", "PairTable", "pair_kernel", "pair_kernel_in_lanes"]

PairSteps = Callable[[Any, Array, Array, Trace], Array]
"""steps(params, a, b, trace) -> y: an operator's arithmetic on integers that broadcast."""
_WORTH = 16384  # results after which the table has paid for itself
_BLOCK = 32768  # results looked up at a time


class PairTable:
    """The results of an 8-bit operator at the raw bytes (a, b), once there are any."""

    __slots__ = ("asked", "entries")

    def __init__(self) -> None:
        self.asked = 0
        self.entries: Array | None = None

    @staticmethod
    def of(dtype: DTypeLike) -> PairTable | None:
        """An empty table for an 8-bit type; None for a wider one."""
        return PairTable() if np.dtype(dtype).itemsize == 1 else None

    def results(self, work: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
        """work(a, b), by table if that is there or worth making."""
        if self.entries is None:
            self.asked += max(a.size, b.size)
            if self.asked < _WORTH:
                return work(a, b)
            every = np.arange(256, dtype=np.uint8)
            self.entries = work(every.view(a.dtype)[:, None], every.view(b.dtype)[None, :]).reshape(-1)
        index = np.asarray((a.view(np.uint8).astype(np.uint16) << 8) | b.view(np.uint8))
        y = np.empty(index.shape, self.entries.dtype)
        flat, flat_y = index.reshape(-1), y.reshape(-1)
        for i in range(0, flat.size, _BLOCK):
            np.take(self.entries, flat[i : i + _BLOCK], out=flat_y[i : i + _BLOCK], mode="wrap")
        return y


def pair_kernel(steps: PairSteps) -> Kernel:
    """The kernel of an integer operator of two operands whose Params have `pairs`, a PairTable or None."""

    def kernel(p: Any, inputs: list[Array], ctx: Context) -> list[Array]:
        return [_pairs(steps, p, inputs[0], inputs[1], ctx.trace)]

    return kernel


def pair_kernel_in_lanes(steps: PairSteps) -> Kernel:
    """The same where Params also have `lanes` and `vector`: the Params of the vector code that works there, or None."""

    def kernel(p: Any, inputs: list[Array], ctx: Context) -> list[Array]:
        a, b = inputs
        if p.vector is None:
            return [_pairs(steps, p, a, b, ctx.trace)]
        shape = np.broadcast_shapes(a.shape, b.shape)
        first, second = (lambda trace, q=q: _pairs(steps, q, a, b, trace) for q in (p.vector, p))
        return [p.lanes.join(first, second, shape, ctx.trace)]

    return kernel


def _pairs(steps: PairSteps, p: Any, a: Array, b: Array, trace: Trace) -> Array:
    if p.pairs is None or trace.recording:
        return in_blocks(lambda left, right: steps(p, left, right, trace), a, b, trace=trace)
    return np.asarray(p.pairs.results(lambda left, right: steps(p, left, right, NO_TRACE), a, b))

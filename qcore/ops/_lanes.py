"""Where vector code runs: results that the optimized kernels compute otherwise than the ones they leave to scalar code.

A buffer falls into runs of equal length. Of each run, vector code takes as many whole vectors as there are, from its
start, and scalar code the rest. Operands that broadcast make shorter runs (five-fold loops).

TFLite: kernels/internal/common.h (ProcessBroadcastShapes), internal/optimized/optimized_ops.h (BinaryBroadcastFiveFold)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qcore.numerics.trace import NO_TRACE, Kept, Trace
from qcore.op import Array, Shape

__all__ = ["NOWHERE", "Lanes", "broadcast_runs"]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Of every `run` results, vector code takes the first `body`."""

    run: int
    body: int

    @staticmethod
    def of(run: int, width: int) -> Lanes:
        """Runs of `run` results and vectors of `width`."""
        return Lanes(run, run // width * width)

    def join(
        self, vector: Callable[[Trace], Array], scalar: Callable[[Trace], Array], shape: Shape, trace: Trace
    ) -> Array:
        """Each result as the code that makes it does. Both callables give all results; steps are joined as well."""
        if self.body == 0:
            return scalar(trace)
        if self.body == self.run:
            return vector(trace)
        first, second = (Kept(), Kept()) if trace.recording else (NO_TRACE, NO_TRACE)
        y, rest = vector(first), scalar(second)
        if isinstance(first, Kept) and isinstance(second, Kept):
            for name, value in first.steps.items():
                trace(name, self._joined(np.broadcast_to(value, shape), np.broadcast_to(second.steps[name], shape)))
        return self._joined(y, rest)

    def _joined(self, vector: Array, scalar: Array) -> Array:
        y = vector.copy()
        y.reshape(-1, self.run)[:, self.body :] = scalar.reshape(-1, self.run)[:, self.body :]
        return y


NOWHERE = Lanes(1, 0)


def broadcast_runs(a: Shape, b: Shape) -> tuple[int, bool] | None:
    """The run length of two operands, and whether one is a single number in each run; None: no vector code at all."""
    rank = max(len(a), len(b))
    first, second = ((1,) * (rank - len(shape)) + shape for shape in (a, b))
    if first == second:
        return int(np.prod(first, dtype=np.int64)), False
    dims = list(zip(first, second, strict=True))[::-1]
    innermost = next((x, y) for x, y in dims if x != y)
    if innermost[0] != 1:
        dims = [(y, x) for x, y in dims]
    sizes = []
    for fits in (_equal, _first_is_one, _equal, _second_is_one, _equal):
        size = 1
        while dims and fits(*dims[0]):
            size *= max(dims.pop(0))
        sizes.append(size)
    if dims:
        return None
    return (sizes[0], False) if sizes[0] > 1 else (sizes[1], True)


def _equal(x: int, y: int) -> bool:
    return x == y


def _first_is_one(x: int, y: int) -> bool:
    return x == 1


def _second_is_one(x: int, y: int) -> bool:
    return y == 1

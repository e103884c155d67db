"""Kernels of 16-bit floats: they work in float32 and round the result once. A bfloat16 is held as its 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from qcore.numerics.float32 import from_bfloat16, to_bfloat16
from qcore.op import Array, Context, Kernel

__all__ = ["bfloat16_kernel", "float16_kernel"]


def float16_kernel(kernel: Kernel) -> Kernel:
    """The float16 kernel of a float32 one."""

    def rounded(p: Any, inputs: list[Array], ctx: Context) -> list[Array]:
        results = kernel(p, [x.astype(np.float32) for x in inputs], ctx)
        with np.errstate(over="ignore"):
            return [y.astype(np.float16) for y in results]

    return rounded


def bfloat16_kernel(kernel: Kernel) -> Kernel:
    """The bfloat16 kernel of a float32 one; results of other types than float32 stay as they are."""

    def rounded(p: Any, inputs: list[Array], ctx: Context) -> list[Array]:
        results = kernel(p, [from_bfloat16(x) for x in inputs], ctx)
        return [to_bfloat16(y) if y.dtype == np.float32 else y for y in results]

    return rounded

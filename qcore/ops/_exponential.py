"""exp(x - max) of 8-bit rows in fixed point, as SOFTMAX and LOG_SOFTMAX share it.

    d = x - max of the row                          in [-255, 0]
    e = exp(srdhm(d << s, q))  for d >= -radius, else 0: raw Q0.31 from a raw Q5.26 argument

Only 256 differences exist, so e is a table. TFLite: internal/quantization_util.cc; internal/reference/softmax.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import (
    INT32_MAX,
    multiply_by_quantized_multiplier_greater_than_one,
    quantize_multiplier,
)
from qcore.numerics.gemmlowp import exp_on_negative_values
from qcore.op import Array, Node

__all__ = ["INTEGER_BITS", "Scaling", "scaling"]

INTEGER_BITS = 5


@dataclass(frozen=True, slots=True)
class Scaling:
    """beta * scale as a multiplier of Q5.26 differences; differences below -radius count for nothing."""

    multiplier: int
    shift: int
    radius: int

    def rescaled(self) -> Array:
        """Raw Q5.26 argument of exp for the differences 0, -1, ... -255 (int64 [256])."""
        differences = -np.arange(256, dtype=np.int64)
        return multiply_by_quantized_multiplier_greater_than_one(differences, self.multiplier, self.shift)

    def table(self) -> Array:
        """Raw Q0.31 exp for the differences 0, -1, ... -255 (int64 [256])."""
        inside = np.arange(256) <= self.radius
        return np.where(inside, exp_on_negative_values(np.where(inside, self.rescaled(), 0), INTEGER_BITS), 0)


def scaling(n: Node, beta: float) -> Scaling:
    """M = min(beta * scale * 2^26, 2^31 - 1) as (q, s);  radius = floor(31 * 2^26 / 2^s).

    ModelError unless M > 1, which TFLite's kernel needs.
    """
    real = min(float(np.float32(beta)) * float(n.input(0).scale) * 2.0**26, float(INT32_MAX))
    n.require(real > 1, f"beta {beta} and scale {n.input(0).scale} give a multiplier of {real}, expected more than 1")
    multiplier, shift = quantize_multiplier(real)
    return Scaling(multiplier, shift, (((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS)) >> shift)

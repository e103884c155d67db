"""XNNPACK's 8-bit ADD and SUB: both operands at a common power of two, one rounding, halves up.

    ma = round(sa / sy * 2^shift), mb likewise, sa / sy and sb / sy in float32; SUB: mb negative
    shift = 20 - floor(log2(max(sa / sy, sb / sy)))

XNNPACK: src/microparams-init.c
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qcore.numerics.fixedpoint import rounding_shift_half_up
from qcore.numerics.trace import Trace
from qcore.op import Array, Node, NodeTensor
from qcore.ops._delegate import refused_scale, refused_tensors, require_kept_rank
from qcore.ops._pairs import PairTable
from qcore.ops._scaling import float32_ratio
from tflite_schema import AddOptions, SubOptions, TensorType

__all__ = ["XnnpackParams", "add_once_rounded", "refused"]


@dataclass(frozen=True, slots=True)
class XnnpackParams:
    """y = clamp(((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift) + zy), ma and mb of 21 bits at most."""

    zero_points: tuple[int, int, int]
    multipliers: tuple[int, int]
    shift: int
    activation_range: tuple[int, int]
    pairs: PairTable | None = field(default=None, repr=False, compare=False)
    vector: None = None

    @staticmethod
    def of(sign: int, activation_range: tuple[int, int], a: NodeTensor, b: NodeTensor, y: NodeTensor) -> XnnpackParams:
        """The constants XNNPACK derives from the float32 ratios of scales."""
        ratios = [float32_ratio(t.scale, over=y.scale) for t in (a, b)]
        shift = 21 - int(np.frexp(max(ratios))[1])
        first, second = (int(np.rint(np.ldexp(ratio, shift))) for ratio in ratios)
        zero_points = (a.zero_point, b.zero_point, y.zero_point)
        return XnnpackParams(zero_points, (first, sign * second), shift, activation_range, PairTable.of(a.dtype))


def add_once_rounded(p: XnnpackParams, a: Array, b: Array, trace: Trace) -> Array:
    """y of 8-bit a and b."""
    left = trace("scale_a", (a.astype(np.int64) - p.zero_points[0]) * p.multipliers[0])
    right = trace("scale_b", (b.astype(np.int64) - p.zero_points[1]) * p.multipliers[1])
    total = trace("sum", left + right)
    y = trace("requantize", rounding_shift_half_up(total, p.shift)) + p.zero_points[2]
    return np.asarray(trace("clamp", np.clip(y, *p.activation_range))).astype(a.dtype)


def refused(n: Node) -> str | None:
    """XNNPACK takes float32, and 8-bit operands whose scales are 2^-10 to 2^8 times the result's."""
    a, b, y = n.input(0), n.input(1), n.output()
    reason = refused_tensors(n, a, b, y)
    for t in () if y.type == TensorType.FLOAT32 else (a, b):
        reason = reason or refused_scale(float32_ratio(t.scale, over=y.scale), 2.0**-10, 256)
    if reason is None:
        options = n.options(AddOptions) if n.name == "ADD" else n.options(SubOptions)
        require_kept_rank(n, options.fused_activation_function)
    return reason

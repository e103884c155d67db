"""What becomes of the accumulators: which results they leave, how many are clamped, where requantization overflows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.proof.bounds import Bounds, Range
from qcore.auditor.proof.product import Product
from qcore.numerics.requantize import Requantization, requantize
from qcore.op import Array

__all__ = ["Results", "results"]

_SAFE = 2.0**30  # results below it, zero point added, fit 32 bits by a wide margin


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Per channel [channels]. low, high: the smallest and largest result; where an overflow can happen, all there are.

    multiplier: the real M that the kernel works with. saturates_low, saturates_high: which part of the accumulators
    between the smallest and the largest, in real numbers, lies where the result is clamped. overflows: whether bringing
    the accumulator to the result's scale can leave the kernel's 32 (or 64) bits, though the accumulator fits.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    multiplier: NDArray[np.float64]
    saturates_low: NDArray[np.float64]
    saturates_high: NDArray[np.float64]
    overflows: NDArray[np.bool_]

    @property
    def range(self) -> Range:
        """What the result can hold, for each index of its last axis."""
        return Range(self.low, self.high)

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Whether a channel gives one and the same result for every input."""
        return np.asarray(self.low == self.high)


def results(p: Product, b: Bounds) -> Results:
    """The results of the accumulators within bounds; the product has a tail."""
    assert p.tail is not None
    parts = [_part(p, b, channels, r) for channels, r in p.tail.parts]
    if p.channel_axis != -1:  # a tail has one rule for all rows
        parts = [_part(p, b, slice(0, p.channels), p.tail.parts[0][1])]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Results(*columns)


def _part(p: Product, b: Bounds, channels: slice, r: Requantization) -> tuple[Array, ...]:
    assert p.tail is not None
    least, most = p.tail.activation_range
    zero_point = p.tail.zero_point
    low, high = b.low[channels].astype(np.float64), b.high[channels].astype(np.float64)
    slope = np.broadcast_to(r.slope, low.shape)
    magnitude = np.maximum(np.abs(low), np.abs(high))
    fits = _fits(p, b, channels)
    overflows = fits & _overflows(r, b.low[channels], b.high[channels])
    safe = fits & ~overflows & (magnitude * slope < _SAFE)
    ends = [
        np.clip(requantize(np.where(safe, end[channels], 0).astype(np.int64), r).astype(np.int64) + zero_point, *clamp)
        for end, clamp in ((b.low, (least, most)), (b.high, (least, most)))
    ]
    constant = (high - low) * slope == 0
    width = np.where(constant, 1.0, (high - low) * slope)
    below = (least - 0.5 - zero_point) - low * slope
    above = high * slope - (most + 0.5 - zero_point)
    return (
        np.where(safe, ends[0], least),
        np.where(safe, ends[1], most),
        np.array(slope),
        np.where(constant, below > 0, np.clip(below / width, 0, 1)).astype(np.float64),
        np.where(constant, above > 0, np.clip(above / width, 0, 1)).astype(np.float64),
        overflows,
    )


def _fits(p: Product, b: Bounds, channels: slice) -> NDArray[np.bool_]:
    """Whether the accumulator stays within TFLite's own width, at its end."""
    limit = 1 << (p.bits - 1)
    ends = zip(b.low[channels].tolist(), b.high[channels].tolist(), strict=True)
    return np.array([-limit <= low and high < limit for low, high in ends])


def _overflows(r: Requantization, low: Array, high: Array) -> NDArray[np.bool_]:
    """Whether an accumulator in [low, high] overflows on its way to the result, by the steps of its rule."""
    reach = np.array([max(int(h) + 1, -int(lo)) for lo, h in zip(low, high, strict=True)], object)
    if r.rule == "int64_accumulator":
        return np.asarray((reach << 15 > 1 << 63) | (reach.astype(np.float64) * r.slope >= 2.0**31))
    if r.rule.startswith("float"):
        return np.asarray(reach.astype(np.float64) * r.slope >= 2.0**31)
    left = np.broadcast_to(np.maximum(r.shift, 0), reach.shape).astype(object)
    return np.array([int(value) << int(shift) > 1 << 31 for value, shift in zip(reach, left, strict=True)])

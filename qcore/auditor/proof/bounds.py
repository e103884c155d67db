"""The largest and the smallest accumulator that any input gives: exact, per channel, from the weights.

With u in [l, h], a sum of products is largest where every u is at the end that its weight's sign asks for:

    highest[c] = sum(max(w * l, w * h)) = (sum(w) * (h + l) + sum(|w|) * (h - l)) / 2,  lowest likewise, + bias[c]

taken over the taps of each kind of position, and then over the kinds. A row that is quantized as it arrives has one
zero point for all of its u: u in [-128 - z, 127 - z], z in [-128, 127]. Both ends are linear in z, so z is at an end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.proof.product import Product
from qcore.op import Array

__all__ = ["Bounds", "Range", "bounds", "headroom"]

_HYBRID, _SYMMETRIC = 255, 127  # the largest |q - z|, and the largest |q| where z = 0
_BLOCK = 1 << 20  # weights copied at a time
_PLAIN = 1 << 62  # beyond it, sums are Python's integers


_Ends = tuple[NDArray[np.int64], NDArray[np.int64]]


class Range(NamedTuple):
    """The integers that a tensor can hold: [1], or one interval for each index of its last axis."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @classmethod
    def of(cls, low: int, high: int) -> Range:
        """One interval."""
        return cls(np.array([low], np.int64), np.array([high], np.int64))

    def collapsed(self) -> Range:
        """One interval that holds all of them."""
        return Range.of(int(self.low.min()), int(self.high.max()))

    @property
    def is_one(self) -> bool:
        """Whether all intervals are the same."""
        return bool((self.low == self.low[0]).all() and (self.high == self.high[0]).all())


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Integers [channels] that the accumulator reaches and never passes; Python's own where 64 bits cannot hold them.

    sum_low, sum_high: before the bias; low, high: after it. prefix_low, prefix_high: at any moment of TFLite's order,
    which starts at 0 and adds the bias last. any_low, any_high: at any moment of any order, wherever the bias comes in.
    kind_low, kind_high: the kind of position that gives sum_low and sum_high.
    """

    sum_low: Array
    sum_high: Array
    low: Array
    high: Array
    prefix_low: Array
    prefix_high: Array
    any_low: Array
    any_high: Array
    kind_low: NDArray[np.intp]
    kind_high: NDArray[np.intp]


def headroom(low: Array, high: Array, bits: int) -> NDArray[np.float64]:
    """Bits to spare until an accumulator of `bits` overflows: bits - 1 - log2(max(high + 1, -low)); < 0: it does."""
    reach = [max(int(h) + 1, -int(lo)) for lo, h in zip(low, high, strict=True)]
    return np.array([math.inf if r <= 0 else bits - 1 - math.log2(r) for r in reach])


def bounds(p: Product, ranges: Range) -> Bounds:
    """The bounds of a product whose input holds the integers of `ranges` (zero point not subtracted).

    A hybrid product's input is float: it may hold any numbers, and `ranges` is not looked at.
    """
    if p.hybrid:
        (low, high), narrow, wide = _hybrid_sums(p)
    else:
        u = Range(ranges.low - p.zero_point, ranges.high - p.zero_point)
        low, high = _sums(p, u)
        with_zero = bool((u.low <= 0).all() and (u.high >= 0).all())
        around = Range(np.minimum(u.low, 0), np.maximum(u.high, 0))
        wide = (low, high) if with_zero else _sums(p, around)
        # Where no term is forced away from 0, sums grow from term to term, and the last is the largest.
        narrow = (low, high) if with_zero else _prefixes(p, u)
    channels = np.arange(p.channels)
    kind_low, kind_high = low.argmin(axis=0), high.argmax(axis=0)
    bias = _exact(p.bias)
    sum_low, sum_high = _exact(low[kind_low, channels]), _exact(high[kind_high, channels])
    prefix_low, prefix_high = (_exact(end) for end in (narrow[0].min(axis=0), narrow[1].max(axis=0)))
    any_low, any_high = (_exact(end) for end in (wide[0].min(axis=0), wide[1].max(axis=0)))
    end_low, end_high = sum_low + bias, sum_high + bias
    return Bounds(
        _plain(sum_low),
        _plain(sum_high),
        _plain(end_low),
        _plain(end_high),
        _plain(np.minimum(prefix_low, end_low)),
        _plain(np.maximum(prefix_high, end_high)),
        _plain(any_low + np.minimum(bias, 0)),
        _plain(any_high + np.maximum(bias, 0)),
        kind_low,
        kind_high,
    )


def _exact(values: NDArray[Any]) -> Array:
    return values.astype(object)


def _plain(values: Array) -> Array:
    """As int64 where that holds them."""
    fits = all(-_PLAIN < v < _PLAIN for v in values)
    return values.astype(np.int64) if fits else values


def _per_kind(p: Product, taps: NDArray[Any]) -> NDArray[np.int64]:
    """[rows, taps] added up over the taps that each kind of position sees: [kinds, channels]."""
    seen = taps.sum(axis=1, keepdims=True) if p.seen.all() and len(p.seen) == 1 else taps @ p.seen.T.astype(taps.dtype)
    return np.asarray(seen.astype(np.int64).T.reshape(-1, p.channels))


def _sums(p: Product, u: Range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The smallest and the largest sum of each kind of position: [kinds, channels] each."""
    if p.sources is None or u.is_one:
        one = u.collapsed()
        middle, reach = int(one.high[0] + one.low[0]), int(one.high[0] - one.low[0])
        plain, absolute = (_per_kind(p, taps) for taps in _totals(p))
        return (plain * middle - absolute * reach) // 2, (plain * middle + absolute * reach) // 2
    middles, reaches = ((u.high + sign * u.low)[p.sources].astype(np.float64) for sign in (1, -1))
    sums = np.empty((2, *p.weights.shape[:2]))
    for rows in _row_blocks(p):
        w = p.weights[rows].astype(np.float64)
        sums[0, rows] = _weighted(w, middles, rows)
        sums[1, rows] = _weighted(np.abs(w, out=w), reaches, rows)
    plain, absolute = (_per_kind(p, taps) for taps in sums)
    return (plain - absolute) // 2, (plain + absolute) // 2


def _row_blocks(p: Product) -> Iterator[slice]:
    """The rows, a few at a time: copies of their weights as wider numbers stay small."""
    count, each = len(p.weights), max(1, p.weights[:1].size)
    step = max(1, _BLOCK // each)
    return (slice(start, start + step) for start in range(0, count, step))


def _totals(p: Product) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """sum(w) and sum(|w|) of every tap: [rows, taps]."""
    total = p.weights.sum(axis=2, dtype=np.int64)
    positive = np.empty_like(total)
    for rows in _row_blocks(p):
        positive[rows] = np.maximum(p.weights[rows], 0).sum(axis=2, dtype=np.int64)
    return total, 2 * positive - total


def _weighted(w: NDArray[np.float64], factors: NDArray[np.float64], rows: slice) -> NDArray[np.float64]:
    """sum(w[r, t, d] * factors[r or 0, d]) of integers below 2^53: exact."""
    some = factors if len(factors) == 1 else factors[rows]
    return np.asarray(np.matmul(w, some[:, :, None])[:, :, 0])


def _hybrid_sums(p: Product) -> tuple[_Ends, _Ends, _Ends]:
    """Of a product with rows quantized as they arrive: its sums, those on the way there, and those of any order.

    FULLY_CONNECTED adds q * w, and takes z * sum(w) off at the end: another order may do so first.
    """
    plain, absolute = (_per_kind(p, taps) for taps in _totals(p))
    above, below = (absolute + plain) // 2, (absolute - plain) // 2
    high = _HYBRID * np.maximum(above, below) if p.asymmetric else _SYMMETRIC * absolute
    sums = -high, high
    if not p.asymmetric or p.node.name != "FULLY_CONNECTED":
        return sums, sums, sums
    raw = -(128 * above + 127 * below), 127 * above + 128 * below
    offset = np.minimum(128 * plain, -127 * plain), np.maximum(128 * plain, -127 * plain)
    narrow = np.minimum(raw[0], -high), np.maximum(raw[1], high)
    return sums, narrow, (raw[0] + offset[0], raw[1] + offset[1])


def _prefixes(p: Product, u: Range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The smallest and the largest sum after any number of terms in TFLite's order: [kinds, channels] each."""
    if p.sources is None or u.is_one:
        one = u.collapsed()
        low, high = one.low.reshape(1, 1, 1), one.high.reshape(1, 1, 1)
    else:
        low, high = (end[p.sources][:, None, :] for end in u)
    ends = np.empty((2, len(p.seen), len(p.weights)), np.int64)
    for rows in _row_blocks(p):
        w = p.weights[rows].astype(np.int64)
        at_low, at_high = (w * (end if len(end) == 1 else end[rows]) for end in (low, high))
        for side, (pick, extreme) in enumerate(((np.minimum, np.min), (np.maximum, np.max))):
            terms = pick(at_low, at_high)
            for kind, seen in enumerate(p.seen):
                sums = np.cumsum((terms * seen[:, None]).reshape(len(w), -1), axis=1)
                ends[side, kind, rows] = extreme(sums, axis=1, initial=0)
    lowest, highest = ends.reshape(2, -1, p.channels)
    return lowest, highest

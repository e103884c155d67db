"""Multipliers: what the scales of an operator come to, and whether the kernels can hold it.

    M = sx * sw / sy  ~  q * 2^(shift - 31),  2^30 <= q < 2^31,  -31 <= shift <= 31

TFLite: kernels/internal/quantization_util.cc (QuantizeMultiplier, QuantizeMultiplierSmallerThanOneExp)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import INTEGERS, Subject, looks_for, scales_of, zero_point_of
from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import quantize_multipliers
from qcore.numerics.float32 import checked_log2
from qcore.op import Node, NodeTensor

__all__ = ["ABOVE_ONE", "IMPRECISE", "OUT_OF_LIMITS"]

ABOVE_ONE = Check("QL601", Severity.NOTE, "multiplier is 1 or more")
OUT_OF_LIMITS = Check("QL602", Severity.ERROR, "multiplier lies outside the limits of the kernel")
IMPRECISE = Check("QL603", Severity.WARNING, "31-bit form of a multiplier loses more than half a step of the result")

_PRODUCTS = {
    "CONV_2D": (0, 1),
    "DEPTHWISE_CONV_2D": (0, 1),
    "FULLY_CONNECTED": (0, 1),
    "TRANSPOSE_CONV": (2, 1),
    "BATCH_MATMUL": (0, 1),
    "MUL": (0, 1),
}
"""Operators whose multiplier is the product of two operands' scales over the result's: which operands."""
_SUMS = {"ADD": 1, "SUB": 1, "SQUARED_DIFFERENCE": 2}
"""Operators that bring both operands to t = 2 * max(sa, sb) and multiply by t^n / (2^left_shift * sy), below 1: n."""
_LARGEST = 2.0**31
_XNNPACK_LIMIT = 256.0
_XNNPACK_FAILS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""Operators that XNNPACK takes, fails to set up from that multiplier on, and with which TFLite fails as a whole."""


@dataclass(frozen=True, slots=True)
class _Real:
    """A node's multipliers in float64, [1] or [channels], and what they must be below."""

    node: Node
    result: NodeTensor
    values: NDArray[np.float64]
    limit: float


def _multipliers(subject: Subject) -> Iterator[_Real]:
    for n in subject.nodes:
        y = n.outputs[0] if n.outputs else None
        over = scales_of(y)
        if y is None or y.type not in INTEGERS or over is None:
            continue
        if n.name in _PRODUCTS:
            factors = _scales(n, _PRODUCTS[n.name])
            if factors is not None and factors[0].size == 1:
                yield _Real(n, y, factors[0] * factors[1] / over[0], _LARGEST)
        elif n.name in _SUMS:
            factors = _scales(n, (0, 1))
            if factors is not None and not _shifts(n, y):
                twice = 2 * max(factors[0][0], factors[1][0])
                unit = 2.0 ** _left_shift(n, y) * over[0]
                yield _Real(n, y, np.array([twice ** _SUMS[n.name] / unit]), 1.0)


def _scales(n: Node, positions: Sequence[int]) -> list[NDArray[np.float64]] | None:
    operands = [n.optional_input(position) for position in positions]
    found = [scales for t in operands if t is not None and t.type in INTEGERS and (scales := scales_of(t)) is not None]
    return found if len(found) == len(positions) else None


def _shifts(n: Node, y: NodeTensor) -> bool:
    """Whether an int16 ADD or SUB has powers of two for scales, so that its kernel only shifts."""
    if y.dtype.itemsize != 2 or not getattr(n.operator.options, "pot_scale_int16", False):
        return False
    scales = [scales_of(t) for t in (n.optional_input(0), n.optional_input(1), y)]
    return all(s is not None and checked_log2(np.float32(s[0]))[1] for s in scales)


def _left_shift(n: Node, y: NodeTensor) -> int:
    if n.name == "SQUARED_DIFFERENCE":
        return 14
    return 15 if y.dtype.itemsize == 2 else 20


@looks_for(ABOVE_ONE, OUT_OF_LIMITS, IMPRECISE)
def multipliers(subject: Subject) -> Iterator[Finding]:
    for real in _multipliers(subject):
        place, channel = subject.place(real.node), int(real.values.argmax())
        largest = float(real.values[channel])
        if largest >= real.limit:
            message = f"the scales give a multiplier of {largest:.9g}; the kernel holds numbers below {real.limit:g}"
            advice = "use a larger scale for the result"
            yield Finding.of(
                OUT_OF_LIMITS, place, message, advice, multiplier=largest, limit=real.limit, channel=channel
            )
            continue
        if largest >= 1 and real.limit > 1:
            count = int((real.values >= 1).sum())
            message = (
                f"the multiplier of channel {channel} is {largest:.9g}, of {count} of {real.values.size} 1 or more: "
                "the result counts in finer steps than the sum of products has"
            )
            advice = "check the result's range: its scale is smaller than the product of the operands' scales"
            found = Finding.of(ABOVE_ONE, place, message, advice, multiplier=largest, count=count, channel=channel)
            fails = largest >= _XNNPACK_LIMIT and real.node.name in _XNNPACK_FAILS and real.result.dtype.itemsize == 1
            yield replace(found, severity=Severity.ERROR) if fails else found
        yield from _lost(subject, real)


def _lost(subject: Subject, real: _Real) -> Iterator[Finding]:
    """How far the 31-bit form is from the multiplier, over all sums that do not saturate the result anyway."""
    bound = _accumulator_bound(real.node)
    if bound is None or real.values.size not in (1, bound.size):
        return
    held, shift = quantize_multipliers(real.values)
    form = held.astype(np.float64) * 2.0 ** (shift.astype(np.float64) - 31)
    low, high = integer_range(real.result.dtype)
    reach = np.minimum(bound, (high - low) / real.values)
    loss = np.abs(form - real.values) * reach
    channel = int(loss.argmax())
    if loss[channel] > 0.5:
        message = (
            f"the multiplier of channel {channel} is {real.values[channel]:.9g}, held as {form[channel]:.9g}: sums of "
            f"up to {reach[channel]:.3g} come out {loss[channel]:.3g} steps off"
        )
        yield Finding.of(
            IMPRECISE,
            subject.place(real.node),
            message,
            "use a smaller scale for the result, or a larger one for the weights of this channel",
            multiplier=float(real.values[channel]),
            held=float(form[channel]),
            steps=float(loss[channel]),
            channel=channel,
        )


def _accumulator_bound(n: Node) -> NDArray[np.float64] | None:
    """The largest |sum of products + bias| of each channel, by its constant weights; None for other operators."""
    x, w, axis = n.optional_input(0), n.optional_input(1), {"DEPTHWISE_CONV_2D": 3}.get(n.name, 0)
    if n.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") or x is None or w is None:
        return None
    if w.value is None or w.rank <= axis or not w.value.size:
        return None
    low, high = integer_range(x.dtype)
    reach = max(abs(low - zero_point_of(x)), abs(high - zero_point_of(x)))
    others = tuple(d for d in range(w.rank) if d != axis)
    sums = np.abs(w.value.astype(np.int32)).sum(axis=others, dtype=np.float64) * reach
    bias = n.optional_input(2)
    if bias is not None and bias.value is not None and bias.value.size == sums.size:
        sums = sums + np.abs(bias.value.reshape(-1).astype(np.float64))
    return np.asarray(sums)

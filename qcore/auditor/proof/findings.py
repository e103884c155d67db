"""What a proof finds wrong: overflows, each with an input that was run, accumulators nearly full, dead channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.proof import LayerProof, Proof
from qcore.auditor.proof.witness import Side, Witness, witness
from qcore.errors import QCoreError
from qcore.ir import Model
from qcore.op import Array

__all__ = ["CHECKS", "proof_findings"]

OVERFLOW = Check("QP001", Severity.ERROR, "an input overflows the accumulator")
PARTIAL = Check("QP002", Severity.WARNING, "a partial sum can overflow the accumulator")
NARROW = Check("QP003", Severity.NOTE, "the accumulator has less than one bit to spare")
CONSTANT = Check("QP004", Severity.WARNING, "channels have the same result for every input")
REQUANTIZATION = Check("QP005", Severity.ERROR, "an input overflows the requantization")
CHECKS = (OVERFLOW, PARTIAL, NARROW, CONSTANT, REQUANTIZATION)
_LISTED = 4096  # channels that evidence names


def proof_findings(model: Model, proof: Proof) -> list[Finding]:
    """The findings of every layer, in execution order."""
    return [finding for layer in proof.layers for find in _FINDERS for finding in find(model, layer)]


def _overflow(model: Model, layer: LayerProof) -> Iterator[Finding]:
    channels = np.flatnonzero(layer.headroom < 0)
    if not channels.size:
        return
    channel = int(channels[layer.headroom[channels].argmin()])
    side = _side(layer.by_reach.low, layer.by_reach.high, channel)
    bound = int((layer.by_reach.high if side == "high" else layer.by_reach.low)[channel])
    found = _attempt(model, layer, channel, side)
    ran = f"; run on it, the interpreter has {found.accumulator:,}" if found is not None and found.verified else ""
    wrapped = f" and keeps {found.kept:,}" if found is not None and found.kept != found.accumulator else ""
    yield Finding.of(
        OVERFLOW,
        layer.place,
        f"{_some(channels.size, layer)} can pass {layer.bits} bits: an input gives channel {channel} the sum "
        f"{bound:,}{ran}{wrapped}",
        "make the weights of these channels smaller (a larger weight scale), or sum over fewer inputs; see the page",
        bits=layer.bits,
        channels=channels[:_LISTED].tolist(),
        headroom_bits=float(layer.headroom[channel]),
        witness=_evidence(found, channel),
    )


def _partial(model: Model, layer: LayerProof) -> Iterator[Finding]:
    channels = np.flatnonzero((layer.any_headroom < 0) & (layer.headroom >= 0))
    if not channels.size:
        return
    in_order = channels[layer.prefix_headroom[channels] < 0]
    chosen = in_order if in_order.size else channels
    b = layer.by_reach
    low, high = (b.prefix_low, b.prefix_high) if in_order.size else (b.any_low, b.any_high)
    channel = int(chosen[layer.any_headroom[chosen].argmin()])
    value = int(high[channel] if _side(low, high, channel) == "high" else low[channel])
    order = "in TFLite's order" if in_order.size else "in some order, not in TFLite's"
    finding = Finding.of(
        PARTIAL,
        layer.place,
        f"{_some(chosen.size, layer)} can pass {layer.bits} bits on the way, {order}: channel {channel} reaches "
        f"{value:,}, though its sum fits",
        "an accumulator that wraps ends right all the same; one that saturates needs more bits, or smaller weights",
        bits=layer.bits,
        channels=chosen[:_LISTED].tolist(),
        value=value,
        in_tflite_order=bool(in_order.size),
    )
    yield finding if in_order.size else replace(finding, severity=Severity.NOTE)


def _narrow(model: Model, layer: LayerProof) -> Iterator[Finding]:
    spare, by_type = layer.headroom, layer.type_headroom
    channels = np.flatnonzero((spare >= 0) & ((spare < 1) | (by_type < 0)))
    if not channels.size:
        return
    channel = int(channels[spare[channels].argmin()])
    saved = int((by_type[channels] < 0).sum())
    only = f"; {saved} would overflow if the input held all integers of its type" if saved else ""
    yield Finding.of(
        NARROW,
        layer.place,
        f"{_some(channels.size, layer)} come close to {layer.bits} bits: channel {channel} has {spare[channel]:.3f} "
        f"bits to spare{only}",
        "nothing is wrong yet; a wider input range, longer sums or a larger bias would overflow",
        bits=layer.bits,
        channels=channels[:_LISTED].tolist(),
        headroom_bits=float(spare[channel]),
        type_headroom_bits=float(by_type[channel]),
        low=int(layer.by_reach.low[channel]),
        high=int(layer.by_reach.high[channel]),
    )


def _constant(model: Model, layer: LayerProof) -> Iterator[Finding]:
    if layer.results is None or not layer.results.constant.any():
        return
    channels = np.flatnonzero(layer.results.constant)
    values, counts = np.unique(layer.results.low[channels], return_counts=True)
    value = int(values[counts.argmax()])
    yield Finding.of(
        CONSTANT,
        layer.place,
        f"{_some(channels.size, layer)} have one result whatever the input: {counts.max()} of them {value}",
        "prune these channels, or look why training or quantization silenced them: they cost time and say nothing",
        channels=channels[:_LISTED].tolist(),
        results=layer.results.low[channels][:_LISTED].tolist(),
    )


def _requantization(model: Model, layer: LayerProof) -> Iterator[Finding]:
    if layer.results is None or not layer.results.overflows.any():
        return
    channels = np.flatnonzero(layer.results.overflows)
    slope = layer.results.multiplier
    b = layer.by_reach
    reach = np.maximum(np.abs(b.low[channels].astype(np.float64)), np.abs(b.high[channels].astype(np.float64)))
    channel = int(channels[(reach * slope[channels]).argmax()])
    side = _side(b.low, b.high, channel)
    bound = int((b.high if side == "high" else b.low)[channel])
    found = _attempt(model, layer, channel, side)
    made = "" if found is None else f", and the result is {found.result}"
    yield Finding.of(
        REQUANTIZATION,
        layer.place,
        f"{_some(channels.size, layer)} can overflow when the accumulator is scaled: {bound:,} times "
        f"{float(slope[channel]):.6g} should be {bound * float(slope[channel]):.6g}{made}",
        "give the result a larger scale: its multiplier is far above 1, so nearly all accumulators saturate it anyway",
        channels=channels[:_LISTED].tolist(),
        multiplier=float(slope[channel]),
        witness=_evidence(found, channel),
    )


_FINDERS: tuple[Callable[[Model, LayerProof], Iterator[Finding]], ...] = (
    _overflow,
    _partial,
    _narrow,
    _constant,
    _requantization,
)


def _side(low: Array, high: Array, channel: int) -> Side:
    """The end that is further out."""
    return "high" if int(high[channel]) + 1 >= -int(low[channel]) else "low"


def _some(count: int, layer: LayerProof) -> str:
    return f"{count} of {layer.product.channels} channels"


def _attempt(model: Model, layer: LayerProof, channel: int, side: Side) -> Witness | None:
    """The witness; None where it cannot be run."""
    try:
        return witness(model, layer, channel, side)
    except QCoreError:
        return None


def _evidence(found: Witness | None, channel: int) -> dict[str, Any] | None:
    """The witness for machines. Its input is `input_fill` everywhere but at the flat indices of `input_at`."""
    if found is None:
        return None
    value = found.value
    return {
        "channel": channel,
        "bound": found.bound,
        "accumulator": found.accumulator,
        "kept": found.kept,
        "verified": found.verified,
        "element": list(found.at),
        "result": found.result,
        "input_shape": list(value.shape),
        **_input(value.reshape(-1)),
    }


def _input(flat: Array) -> dict[str, Any]:
    middle = flat.size // 2
    fill = np.partition(flat, middle)[middle]  # a large input is nearly all background
    at = np.flatnonzero(flat != fill)
    return {"input_fill": fill.item(), "input_at": at.tolist(), "input_values": flat[at].tolist()}

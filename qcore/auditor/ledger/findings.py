"""What the ledger says that somebody should do something about, as findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from qcore.auditor.finding import Check, Finding, Place, Severity
from qcore.auditor.ledger.accountant import Ledger
from qcore.auditor.ledger.entry import Entry, Gain, Seen
from qcore.auditor.ledger.regain import Regained
from qcore.ir import Model
from qcore.op import find
from qcore.rules import Fixed

__all__ = ["CHECKS", "ledger_findings"]

CLIPPED = Check("QD001", Severity.WARNING, "the result's range clips values")
DEAD = Check("QD002", Severity.WARNING, "channels that move in float stand still in integers")
BEYOND = Check("QD003", Severity.WARNING, "the data reaches beyond the calibrated range")
UNUSED = Check("QD004", Severity.NOTE, "the data uses little of the calibrated range")
WORST = Check("QD005", Severity.WARNING, "the operator costs the outputs most, and another type regains it")
FLIPS = Check("QD006", Severity.NOTE, "TFLite's kernels make different integers of the same operands")
CONSTANT = Check("QD007", Severity.NOTE, "channels have the same value in all data")
CHECKS = (CLIPPED, DEAD, BEYOND, UNUSED, WORST, FLIPS, CONSTANT)

_CLIPPED_SHARE = 0.001
_BEYOND_SHARE = 0.1
_USED_SHARE = 0.25
_FLIPPED_SHARE = 0.01
_REGAINED = 1.0  # decibels
_CLEAN = 40.0  # decibels: outputs whose noise is 1 % of the signal; there is little to regain
_REMEDIES = {
    "float": "leave the operator in float (a Rule of a mixed recipe)",
    "int16": "give its result 16 bits, with the operators that read it, or leave them all in float",
}
_SAMPLES = 8  # fewer say nothing about what never happens
_EXACT = 120.0  # decibels: float32 itself is no better


def ledger_findings(quantized: Model, ledger: Ledger) -> list[Finding]:
    """All findings of a ledger, in the order of its lines."""
    found = [finding for entry in ledger.entries for finding in _of_entry(quantized, ledger, entry)]
    return [*found, *(finding for row in ledger.regained for finding in _worst(quantized, ledger, row))]


def _of_entry(quantized: Model, ledger: Ledger, entry: Entry) -> Iterator[Finding]:
    place = Place.of(quantized, operator=entry.operator, tensor=entry.tensor)
    if entry.own_sqnr > _EXACT:
        return  # it only hands on what an operator before it was found to do
    if entry.seen is None or _is_fixed(quantized, entry):
        return
    yield from _range(place, entry, entry.seen)
    if ledger.samples >= _SAMPLES:
        yield from _channels(place, entry.seen, ledger.samples)
    if entry.probed:
        parts = {name: count / entry.probed for name, count in entry.flips.items()}
        if max(parts.values(), default=0.0) > _FLIPPED_SHARE:
            said = ", ".join(f"{share:.2%} in {name}" for name, share in parts.items())
            yield Finding.of(
                FLIPS,
                place,
                f"of {entry.probed:,} integers other kernels make another number than the reference kernels: {said}; "
                f"{entry.near_ties:,} lie within 1/1024 step of a tie",
                "compare runtimes by what they decide, not bit for bit; `qcore explain --all-kernels` shows one number",
                elements=entry.probed,
                flips=dict(entry.flips),
                near_ties=entry.near_ties,
            )


def _range(place: Place, entry: Entry, seen: Seen) -> Iterator[Finding]:
    evidence: dict[str, Any] = {"calibrated": list(seen.calibrated), "seen": list(seen.seen)}
    low, high = seen.calibrated
    ranges = f"seen {seen.seen[0]:.4g} to {seen.seen[1]:.4g}, calibrated {low:.4g} to {high:.4g}"
    share = seen.clipped / seen.elements
    if share > _CLIPPED_SHARE:
        yield Finding.of(
            CLIPPED,
            place,
            f"{share:.2%} of {seen.elements:,} values are cut by more than half a step; {ranges}",
            "calibrate with data like this, or with a method that clips less (min_max)",
            share=share,
            clipped=seen.clipped,
            sqnr=entry.cause_sqnr("range_clipping"),
            **evidence,
        )
    elif seen.exceeded > _BEYOND_SHARE:
        yield Finding.of(
            BEYOND,
            place,
            f"by {seen.exceeded:.0%} of the range: {ranges}",
            "calibrate with data like this; if the calibration clipped outliers on purpose, look at QD001",
            exceeded=seen.exceeded,
            **evidence,
        )
    if 0 < seen.used < _USED_SHARE:
        bits = -math.log2(seen.used)
        yield Finding.of(
            UNUSED,
            place,
            f"{seen.used:.0%} of it, so {bits:.1f} bits are lost; {ranges}",
            "calibrate with data like this; if the operator must keep its operand's scale, keep the result in int16",
            used=seen.used,
            bits_lost=bits,
            **evidence,
        )


def _is_fixed(model: Model, entry: Entry) -> bool:
    """Whether the kernel prescribes the result's range (SOFTMAX)."""
    if entry.operator is None:
        return False
    operator = model.main.operators[entry.operator]
    return isinstance(find(operator.code, operator.custom_code).rules.of(operator).output(0), Fixed)


def _channels(place: Place, seen: Seen, samples: int) -> Iterator[Finding]:
    for check, channels, advice in (
        (DEAD, seen.dead, "give the tensor more bits, or equalize the layers before it (`qcore quantize --equalize`)"),
        (
            CONSTANT,
            seen.constant,
            "the quantization is not to blame: prune the channels, or look at the training",
        ),
    ):
        if channels:
            listed = ", ".join(map(str, channels[:8])) + (", ..." if len(channels) > 8 else "")
            yield Finding.of(
                check,
                place,
                f"{len(channels)} of {seen.channels} channels in {samples} samples: {listed}",
                advice,
                channels=list(channels),
                of=seen.channels,
            )


def _worst(quantized: Model, ledger: Ledger, row: Regained) -> Iterator[Finding]:
    gains = {"float": row.in_float, "int16": row.in_int16}
    sure = {name: gain for name, gain in gains.items() if gain is not None and _is_sure(gain)}
    if not sure:
        return
    entry = ledger.entry(row.operator)
    best = max(sure, key=lambda name: sure[name].decibels)
    cause = max(entry.causes, key=lambda name: entry.causes[name].power)
    said = ", ".join(
        f"{gain.decibels:+.1f} dB (standard error {gain.error:.1f}) in {name}"
        for name, gain in gains.items()
        if gain is not None
    )
    measured: dict[str, Any] = {f"in_{name}": asdict(gain) for name, gain in gains.items() if gain is not None}
    finding = Finding.of(
        WORST,
        Place.of(quantized, operator=row.operator, tensor=entry.tensor),
        f"of {ledger.sqnr:.1f} dB at the outputs: {said}; it loses most by {cause.replace('_', ' ')}",
        "leave the operator in float"
        if best == "float"
        else "keep its result in 16 bits, or in float with its readers",
        sqnr=ledger.sqnr,
        cause=cause,
        **measured,
    )
    yield replace(finding, severity=Severity.NOTE) if ledger.sqnr >= _CLEAN else finding


def _is_sure(gain: Gain) -> bool:
    return gain.decibels > max(_REGAINED, 2 * gain.error)

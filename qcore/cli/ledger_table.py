"""What `qcore audit --float --data` prints of the ledger."""

from __future__ import annotations

import math

from qcore.auditor.ledger import Entry, Gain, Ledger
from qcore.cli.console import out, print_table

__all__ = ["print_ledger"]

_COLUMNS = {
    "weights": ("weight_rounding",),
    "bias": ("bias_rounding",),
    "clip": ("range_clipping",),
    "round": ("activation_rounding",),
    "kernel": ("requantization", "lookup_table"),
}


def print_ledger(ledger: Ledger) -> None:
    """Decibels of signal over noise, operator by operator, and what the worst operators give back."""
    titles = ["#", "operator", "SQNR", "own", *_COLUMNS, "outputs"]
    rows = [
        [
            "" if entry.operator is None else entry.operator,
            entry.name,
            _decibels(entry.sqnr),
            _decibels(entry.own_sqnr),
            *(_cause(entry, causes) for causes in _COLUMNS.values()),
            "" if entry.effect is None else _decibels(entry.effect.sqnr),
        ]
        for entry in ledger.entries
    ]
    print_table("Signal to quantization noise, dB", titles, rows, ",".join(["#", *titles[2:]]))
    for index, name in ledger.unmatched:
        out.print(
            f"operator {index} {name} stands for no operator of the float model: not measured",
            markup=False,
            soft_wrap=True,
        )
    for kernels, why in ledger.refused.items():
        out.print(f"integers of {kernels} kernels are not compared: {why}", markup=False)
    if not ledger.probes:
        return
    out.print(f"outputs: {_decibels(ledger.sqnr)} dB in {ledger.probes} of {ledger.samples} samples", markup=False)
    if ledger.regained:
        table = [
            [row.operator, row.name, _gain(row.foretold), _gain(row.in_float), _gain(row.in_int16)]
            for row in ledger.regained
        ]
        columns = ["#", "operator", "foretold", "in float", "in int16"]
        print_table("Regained at the outputs, dB (standard error)", columns, table, ",".join(["#", *columns[2:]]))


def _cause(entry: Entry, causes: tuple[str, ...]) -> str:
    found = [entry.cause_sqnr(cause) for cause in causes if cause in entry.causes]
    return _decibels(found[0]) if found else ""


def _decibels(value: float) -> str:
    """Nothing where there is no noise, or no more than float32 itself has."""
    return "-" if math.isnan(value) else "" if value > 140 else f"{value:.1f}"


def _gain(gain: Gain | None) -> str:
    return "" if gain is None else f"{gain.decibels:+.2f} ({gain.error:.2f})"

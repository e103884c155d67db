"""From the parts of an audit to what its report shows."""

from __future__ import annotations

from qcore.auditor.finding import Finding
from qcore.auditor.ledger.accountant import Ledger
from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.ledger.entry import Gain
from qcore.auditor.proof import Proof
from qcore.auditor.report.operator_view import Headroom, Noise, Parts, operator_views
from qcore.auditor.report.report import Report, Table
from qcore.ir import Model
from qcore.tflite import to_bytes

__all__ = ["assemble"]

_Place = tuple[int, int]


def assemble(
    model: Model,
    title: str,
    findings: tuple[Finding, ...],
    proof: Proof,
    ledger: Ledger | None = None,
    file_bytes: int | None = None,
) -> Report:
    """The report of a model: what was found, what was proved and, where there was data, what was measured.

    file_bytes: the size of the file it comes from; None: of the one that `save` would write.
    """
    size = len(to_bytes(model)) if file_bytes is None else file_bytes
    parts = Parts(_headroom(proof), *_measured(ledger))
    views = operator_views(model, findings, parts)
    facts = [
        ("File", f"{size:,} bytes"),
        ("Operators", f"{len(views):,}"),
        ("Tensors", f"{sum(len(graph.tensors) for graph in model.subgraphs):,}"),
        ("Result types", ", ".join(_types(model))),
    ]
    if parts.headroom:
        at, least = min(parts.headroom.items(), key=lambda item: item[1].least)
        place = f"operator {at[1]} {model.subgraphs[at[0]].operators[at[1]].name}"
        facts.append(("Least accumulator headroom", f"{least.least:.1f} of {least.width} bits, {place}"))
    if ledger is not None:
        facts += _facts(ledger)
    return Report(title, facts, findings, views, _tables(ledger))


def _types(model: Model) -> list[str]:
    counts: dict[str, int] = {}
    for graph in model.subgraphs:
        for operator in graph.operators:
            for index in operator.outputs:
                name = graph.tensors[index].type.name.lower()
                counts[name] = counts.get(name, 0) + 1
    return [f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def _headroom(proof: Proof) -> dict[_Place, Headroom]:
    return {
        (layer.place.subgraph, layer.place.operator): Headroom(layer.bits, tuple(layer.headroom.tolist()))
        for layer in proof.layers
        if layer.place.operator is not None
    }


def _measured(ledger: Ledger | None) -> tuple[dict[_Place, Noise], dict[_Place, Distribution]]:
    noise: dict[_Place, Noise] = {}
    distributions: dict[_Place, Distribution] = {}
    for entry in () if ledger is None else ledger.entries:
        if entry.operator is None:
            continue
        shares = {
            cause.replace("_", " "): found.power / entry.signal if entry.signal else 0.0
            for cause, found in entry.causes.items()
        }
        noise[0, entry.operator] = Noise(entry.own_sqnr, entry.sqnr, shares)
        if entry.distribution is not None:
            distributions[0, entry.operator] = entry.distribution
    return noise, distributions


def _facts(ledger: Ledger) -> list[tuple[str, str]]:
    facts = [("Samples", f"{ledger.samples:,}")]
    if ledger.probes:
        facts.append(("SQNR at the outputs", f"{ledger.sqnr:.1f} dB, over {ledger.probes:,} samples"))
    return facts


def _tables(ledger: Ledger | None) -> list[Table]:
    if ledger is None or not ledger.regained:
        return []
    rows = [
        [
            f"{row.operator} {row.name}",
            _gain(row.foretold),
            _gain(row.in_float),
            _gain(row.in_int16),
            "; ".join(row.refused),
        ]
        for row in ledger.regained
    ]
    columns = ("operator", "foretold", "in float", "in int16", "not possible")
    return [Table("What the outputs regain where an operator is left in float, or its result in int16", columns, rows)]


def _gain(gain: Gain | None) -> str:
    return "" if gain is None else f"{gain.decibels:+.2f} ± {gain.error:.2f} dB"

"""The report of a real audit: every number comes from the part that found it."""

from __future__ import annotations

import pytest

from qcore.auditor.finding import worst_first
from qcore.auditor.ledger import account
from qcore.auditor.lint import lint
from qcore.auditor.proof import prove
from qcore.auditor.report.assembly import assemble
from qcore.auditor.report.markdown import render_markdown
from tests.auditor.ledger.models import pair, samples


def test_every_part_of_an_audit_has_its_place() -> None:
    quantized, float_model = pair()
    proof, ledger = prove(quantized), account(quantized, float_model, samples())
    findings = tuple(worst_first(lint(quantized)))
    made = assemble(quantized, "net", findings, proof, ledger)
    assert len(made.operators) == len(quantized.main.operators)
    for layer in proof.layers:
        assert layer.place.operator is not None
        headroom = made.operators[layer.place.operator].headroom
        assert headroom is not None
        assert headroom.bits == tuple(layer.headroom)
    for entry in ledger.entries[1:]:
        assert entry.operator is not None
        view = made.operators[entry.operator]
        assert view.noise is not None
        assert (view.noise.local, view.noise.accumulated) == (entry.own_sqnr, entry.sqnr)
        assert sum(view.noise.parts.values()) * entry.signal == pytest.approx(entry.parts)
        assert view.distribution is entry.distribution
        assert view.distribution is not None
        assert view.result is not None
        assert int(view.distribution.exact.counts.sum()) == ledger.samples * view.result.size
    assert ("Samples", "6") in made.facts
    assert ("SQNR at the outputs", f"{ledger.sqnr:.1f} dB, over 6 samples") in made.facts
    (table,) = made.tables
    assert [row[0] for row in table.rows] == [f"{row.operator} {row.name}" for row in ledger.regained]
    assert all(row[1].endswith(" dB") for row in table.rows)
    assert "accumulated" in render_markdown(made)


def test_without_data_nothing_is_measured() -> None:
    quantized = pair()[0]
    made = assemble(quantized, "net", (), prove(quantized))
    assert made.noisiest == []
    names = [name for name, _ in made.facts]
    assert names == ["File", "Operators", "Tensors", "Result types", "Least accumulator headroom"]

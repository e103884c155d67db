from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore.auditor.finding import Finding, Severity
from qcore.auditor.ledger import Gain, Ledger, Regained, account
from qcore.auditor.ledger.entry import Cause, Entry, Seen
from qcore.auditor.ledger.findings import CHECKS, ledger_findings
from qcore.ir import Model, QuantParams
from tests.auditor.ledger.models import pair, samples

QUIET = Seen((-1.0, 1.0), (-0.9, 0.95), 10_000, 10, 10, 5, 4)


def found(**changes: object) -> list[Finding]:
    """The findings of one line, that of a CONV_2D, with some of its numbers changed."""
    quantized, _ = pair("int8")
    conv = quantized.main.operators[1].outputs[0]
    causes = {"range_clipping": Cause(0.1, 0.1, 0.1)}
    entry = Entry(1, "CONV_2D", conv, "y", "int8", 0.1, 0, 100.0, 1.0, 0.5, 0.5, causes, 0.0, QUIET, None, {}, 0, 1000)
    entry = replace(entry, **changes)  # type: ignore[arg-type]
    return ledger_findings(quantized, Ledger((entry,), 10, ()))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("QD001", {"seen": replace(QUIET, clipped=11)}),
        ("QD002", {"seen": replace(QUIET, dead=(1, 3))}),
        ("QD003", {"seen": replace(QUIET, seen=(-0.5, 1.21))}),
        ("QD004", {"seen": replace(QUIET, seen=(0.0, 0.4))}),
        ("QD006", {"flips": {"optimized": 0, "xnnpack": 11}}),
        ("QD007", {"seen": replace(QUIET, constant=(0,))}),
    ],
)
def test_each_check_fires(code: str, changes: dict[str, object]) -> None:
    (finding,) = found(**changes)
    assert finding.code == code
    assert (finding.place.operator, finding.place.operator_name) == (1, "CONV_2D")
    assert finding.evidence
    assert finding.severity == next(check for check in CHECKS if check.code == code).severity


def test_a_good_operator_has_no_findings() -> None:
    assert found() == []
    assert found(flips={"xnnpack": 10}) == []
    assert found(seen=replace(QUIET, clipped=10)) == []


def test_few_samples_say_nothing_of_channels() -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(2))
    codes = {finding.code for finding in ledger_findings(quantized, ledger)}
    assert not codes & {"QD002", "QD007"}


def worst(in_float: Gain | None, in_int16: Gain | None, sqnr: float = 20.0) -> list[Finding]:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(), probes=0)
    row = Regained(2, "CONV_2D", Gain(0.0, 0.0), in_float, in_int16)
    return [f for f in ledger_findings(quantized, replace(ledger, regained=(row,), sqnr=sqnr)) if f.code == "QD005"]


def test_what_is_regained_must_be_more_than_chance() -> None:
    assert worst(Gain(0.9, 0.1), None) == []
    assert worst(Gain(3.0, 1.6), Gain(-2.0, 0.1)) == []
    (finding,) = worst(Gain(1.5, 0.2), Gain(4.0, 0.3))
    assert finding.evidence["in_float"] == {"decibels": 1.5, "error": 0.2}
    assert "16 bits" in finding.advice
    (finding,) = worst(Gain(1.5, 0.2), None)
    assert "in float" in finding.advice
    assert finding.severity == Severity.WARNING
    (finding,) = worst(Gain(1.5, 0.2), None, sqnr=48.0)
    assert finding.severity == Severity.NOTE


def narrow(scale: float) -> tuple[Model, Model]:
    """The network with one result in another range."""
    quantized, model = pair("int8")
    changed = quantized.copy()
    tensor = changed.main.tensors[changed.main.operators[2].outputs[0]]
    assert tensor.quant is not None
    tensor.quant = QuantParams.of(tensor.quant.scale * np.float32(scale), tensor.quant.zero_point)
    return changed, model


@pytest.mark.parametrize(("scale", "code"), [(0.3, "QD001"), (8.0, "QD004")])
def test_a_range_that_does_not_fit_is_found(scale: float, code: str) -> None:
    quantized, model = narrow(scale)
    before = {(f.code, f.place.operator) for f in ledger_findings(pair("int8")[0], account(*pair("int8"), samples()))}
    after = {(f.code, f.place.operator) for f in ledger_findings(quantized, account(quantized, model, samples()))}
    assert (code, 2) in after - before

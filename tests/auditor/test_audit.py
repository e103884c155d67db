from __future__ import annotations

import json

import numpy as np
import pytest

from qcore import CalibrationError, audit
from qcore.auditor.finding import Severity
from qcore.auditor.ledger import account
from qcore.auditor.ledger.findings import ledger_findings
from tests.auditor.ledger.models import pair, samples
from tests.auditor.lint.good import change, digits
from tests.graphs import content


def test_a_good_model_has_no_findings() -> None:
    found = audit(digits())
    assert (found.findings, found.worst, found.at_least(Severity.NOTE)) == ((), None, [])


def test_findings_come_worst_first_and_are_plain_values() -> None:
    model = digits()
    change(model, 3, scale=np.array([1e-40], np.float32))
    change(model, 4, scale=np.array([0], np.float32))
    found = audit(content(model))
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, reverse=True)
    assert found.worst == Severity.ERROR
    assert {finding.severity for finding in found.at_least(Severity.ERROR)} == {Severity.ERROR}
    plain = json.loads(json.dumps(found.as_json()))
    assert plain["counts"]["warning"] == severities.count(Severity.WARNING)
    assert {finding["code"] for finding in plain["findings"]} >= {"QL101", "QL102"}


def test_with_data_the_ledger_is_part_of_it() -> None:
    quantized, model = pair("int8")
    found = audit(quantized, float_model=model, samples=samples(), worst=1)
    assert found.ledger == account(quantized, model, samples(), worst=1)
    codes = {finding.code for finding in found.findings}
    assert {finding.code for finding in ledger_findings(quantized, found.ledger)} <= codes
    assert json.loads(json.dumps(found.as_json()))["ledger"]["samples"] == 6
    assert "ledger" not in audit(quantized).as_json()
    with pytest.raises(CalibrationError, match="float_model and samples"):
        audit(quantized, float_model=model)

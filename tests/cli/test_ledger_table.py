from __future__ import annotations

from dataclasses import replace

import pytest

from qcore.auditor.ledger import account
from qcore.cli.ledger_table import print_ledger
from tests.auditor.ledger.models import pair, samples


def test_the_table_has_a_line_for_each_operator(capsys: pytest.CaptureFixture[str]) -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples())
    print_ledger(ledger)
    shown = capsys.readouterr().out.splitlines()
    for index, operator in enumerate(quantized.main.operators):
        assert any(line.split()[:2] == [str(index), operator.name[:17]] for line in shown), operator.name
    dense = next(line.split() for line in shown if "FULLY_CONNECTED" in line)
    entry = ledger.entry(6)
    assert dense[2:5] == [f"{entry.sqnr:.1f}", f"{entry.own_sqnr:.1f}", f"{entry.cause_sqnr('weight_rounding'):.1f}"]
    assert f"outputs: {ledger.sqnr:.1f} dB in 6 of 6 samples" in shown
    assert max(map(len, (line.rstrip() for line in shown))) <= 80


def test_what_was_not_measured_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(1), probes=0)
    print_ledger(replace(ledger, unmatched=((4, "PAD"),), refused={"xnnpack": "it cannot"}))
    shown = capsys.readouterr().out
    assert "operator 4 PAD stands for no operator of the float model" in shown
    assert "integers of xnnpack kernels are not compared: it cannot" in shown
    assert "outputs:" not in shown

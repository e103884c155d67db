from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from qcore.auditor.ledger import account
from qcore.cli.measurement import Measurement
from qcore.tflite import save
from tests.auditor.ledger.models import pair, samples
from tests.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path) -> list[str | Path]:
    """The arguments of an audit with data."""
    quantized, model = pair("int8")
    save(quantized, tmp_path / "int8.tflite")
    save(model, tmp_path / "float.tflite")
    np.save(tmp_path / "x.npy", np.concatenate(samples()))
    return [tmp_path / "int8.tflite", "--float", tmp_path / "float.tflite", "--data", tmp_path / "x.npy"]


def test_audit_with_data(cli: Cli, files: list[str | Path], tmp_path: Path) -> None:
    shown = cli("audit", *files)
    assert "Signal to quantization noise" in shown.out
    assert "Regained at the outputs" in shown.out
    table = json.loads(cli("audit", *files, "--json", "--worst", "1").out)
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(), worst=1)
    assert len(table["ledger"]["regained"]) == 1
    assert [row["operator"] for row in table["ledger"]["operators"]] == [e.operator for e in ledger.entries]
    dense = next(row for row in table["ledger"]["operators"] if row["name"] == "FULLY_CONNECTED")
    assert dense["own_sqnr"] == pytest.approx(ledger.entry(6).own_sqnr)
    assert dense["causes"]["weight_rounding"]["sqnr"] == pytest.approx(ledger.entry(6).cause_sqnr("weight_rounding"))


def test_debugger_csv(cli: Cli, files: list[str | Path], tmp_path: Path) -> None:
    path = tmp_path / "layers.csv"
    assert cli("audit", *files, "--debugger-csv", path).code in (0, 1)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["op_name"] for row in rows][:3] == ["CONV_2D", "CONV_2D", "ADD"]
    assert cli("audit", *files, "--debugger-csv", path).code == 2  # nothing is overwritten
    assert cli("audit", *files, "--debugger-csv", path, "--force").code in (0, 1)
    quantized, model = pair("int8")
    again = Measurement(None, None, tmp_path / "again.csv")
    again.write(None)
    assert not (tmp_path / "again.csv").exists()
    again.write(account(quantized, model, samples(), probes=0))
    assert (tmp_path / "again.csv").read_text() == path.read_text()


def test_half_of_what_is_needed_is_refused(cli: Cli, files: list[str | Path], tmp_path: Path) -> None:
    assert cli("audit", *files[:3]).code == 2
    assert cli("audit", files[0], *files[3:]).code == 2
    assert cli("audit", files[0], "--debugger-csv", tmp_path / "x.csv").code == 2

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore.auditor.lint import lint
from qcore.tflite import load, save
from tests.auditor.lint.good import change, digits, planted
from tests.auditor.lint.test_bias import PLANTS
from tests.cli.conftest import Cli


@pytest.fixture
def good(tmp_path: Path) -> Path:
    save(digits(), tmp_path / "good.tflite")
    return tmp_path / "good.tflite"


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    save(planted(PLANTS["QL202"][0][1], digits(), 0), tmp_path / "faulty.tflite")
    return tmp_path / "faulty.tflite"


def test_exit_codes(cli: Cli, good: Path, faulty: Path, tmp_path: Path) -> None:
    shown = cli("audit", good)
    assert (shown.code, shown.out.strip()) == (0, "no findings")
    shown = cli("audit", faulty)
    assert shown.code == 1
    assert "error QL202 bias zero point is not 0" in shown.out
    assert "docs/findings/QL202.md; --fix mends it" in shown.out
    assert "1 error, 0 warnings, 0 notes" in shown.out
    assert cli("audit", good, "--target", "toaster").code == 2
    (tmp_path / "no.tflite").write_bytes(b"no model")
    assert cli("audit", tmp_path / "no.tflite").code == 3


def test_fail_on(cli: Cli, tmp_path: Path) -> None:
    model = digits()
    change(model, 3, scale=np.array([1e-40], np.float32))
    save(model, tmp_path / "odd.tflite")
    codes = {on: cli("audit", tmp_path / "odd.tflite", "--fail-on", on).code for on in ("error", "warning", "note")}
    worst = max(finding.severity for finding in lint(model))
    assert codes == {"error": int(worst == 2), "warning": 1, "note": 1}


def test_fix_writes_a_new_file_and_says_what_it_did(cli: Cli, faulty: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.tflite"
    shown = cli("audit", faulty, "--fix", "-o", new)
    assert (shown.code, "mended QL202" in shown.out, f"wrote {new}" in shown.out) == (0, True, True)
    assert lint(load(new)) == []
    assert lint(load(faulty)) != []
    assert cli("audit", faulty, "--fix", "-o", new).code == 2
    assert cli("audit", faulty, "--fix").code == 2
    assert cli("audit", faulty, "-o", new).code == 2
    table = json.loads(cli("audit", faulty, "--fix", "-o", new, "--force", "--json").out)
    assert [finding["code"] for finding in table["mended"]] == ["QL202"]
    assert table["findings"] == []


def test_json(cli: Cli, faulty: Path) -> None:
    table = json.loads(cli("audit", faulty, "--json").out)
    assert table["counts"] == {"note": 0, "warning": 0, "error": 1}
    (finding,) = table["findings"]
    assert (finding["code"], finding["severity"], finding["fixable"]) == ("QL202", "error", True)

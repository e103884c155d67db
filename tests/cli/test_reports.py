"""`qcore audit` writes its reports whole or not at all, and never over a file unasked."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from qcore.tflite import save
from tests.auditor.lint.good import digits
from tests.cli.conftest import Cli


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    save(digits(), path)
    path.write_bytes(path.read_bytes() + bytes(80))  # as long as it is, not as long as it would be if we wrote it
    return path


def test_all_three_are_written(cli: Cli, model: Path, tmp_path: Path) -> None:
    html, markdown, nodes = tmp_path / "r.html", tmp_path / "r.md", tmp_path / "r.json"
    options = ["--html", html, "--markdown", markdown, "--model-explorer", nodes, "--metric", "headroom_bits"]
    shown = cli("audit", model, *options)
    assert shown.code == 0
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "Audit of m.tflite" in markdown.read_text(encoding="utf-8")
    assert f"- File: {model.stat().st_size:,} bytes" in markdown.read_text(encoding="utf-8")
    graph = next(iter(json.loads(nodes.read_text(encoding="utf-8")).values()))
    assert graph["name"] == "headroom_bits"
    sums = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    assert set(graph["results"]) == {str(i) for i, op in enumerate(digits().main.operators) if op.name in sums}
    assert cli("audit", model, *options).code == 2
    assert cli("audit", model, *options, "--force").code == 0


def test_what_was_not_measured_writes_nothing(cli: Cli, model: Path, tmp_path: Path) -> None:
    options = ["--markdown", tmp_path / "r.md", "--model-explorer", tmp_path / "r.json", "--metric", "sqnr"]
    shown = cli("audit", model, *options)
    assert shown.code == 2
    assert "'sqnr' was not measured; give the audit the float model and data" in shown.err
    assert not (tmp_path / "r.md").exists()
    assert cli("audit", model, "--model-explorer", tmp_path / "r.json", "--metric", "speed").code == 2


def test_without_the_extra_it_refuses_before_the_work(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    shown = cli("audit", model, "--html", tmp_path / "r.html")
    assert shown.code in (2, 3)
    assert "qcore[report]" in shown.err
    assert not (tmp_path / "r.html").exists()


def test_every_report_has_a_file_of_its_own(cli: Cli, model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    for options in (
        ["--html", tmp_path / "r", "--markdown", tmp_path / "r"],
        ["--fix", "-o", tmp_path / "r", "--markdown", tmp_path / "r"],
        ["--markdown", model, "--force"],
    ):
        shown = cli("audit", model, *options)
        assert shown.code == 2
        assert "given for two things" in shown.err
    assert not (tmp_path / "r").exists()
    assert model.read_bytes() == before


def test_nothing_is_mended_where_a_report_is_refused(cli: Cli, model: Path, tmp_path: Path) -> None:
    nodes = ["--model-explorer", tmp_path / "n.json", "--metric", "sqnr"]
    assert cli("audit", model, "--fix", "-o", tmp_path / "mended.tflite", *nodes).code == 2
    assert not (tmp_path / "mended.tflite").exists()


def test_what_cannot_be_written_is_an_error_of_use(cli: Cli, model: Path, tmp_path: Path) -> None:
    shown = cli("audit", model, "--markdown", tmp_path / ("n" * 300))
    assert shown.code == 2
    assert "error: " in shown.err
    assert cli("audit", model, "--markdown", tmp_path, "--force").code == 2

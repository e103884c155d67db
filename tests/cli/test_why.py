from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore.tflite import save
from tests.auditor.cases import dense
from tests.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    case = dense(585)
    save(case.model(), tmp_path / "dense.tflite")
    np.save(tmp_path / "x.npy", case.feeds()[0])
    return str(tmp_path / "dense.tflite"), str(tmp_path / "x.npy")


def test_the_three_forms_of_a_dump(cli: Cli, files: tuple[str, str], tmp_path: Path) -> None:
    theirs = np.array([[-120]], np.int8)
    np.savez(tmp_path / "d.npz", result0=theirs)
    np.save(tmp_path / "d.npy", theirs)
    (tmp_path / "d.bin").write_bytes(theirs.tobytes())
    for name in ("d.npz", "d.npy", "d.bin"):
        shown = cli("why", files[0], "--dump", tmp_path / name, "-i", files[1])
        assert shown.code == 1
        assert "first difference: result0, of operator 0 FULLY_CONNECTED: 1 of 1 elements" in shown.out
        assert "reproduces all of theirs: the xnnpack kernels" in shown.out
    table = json.loads(cli("why", files[0], "--dump", tmp_path / "d.npz", "-i", files[1], "--json").out)
    assert (table["equal"], table["tensor"], table["operator"]) == (False, "result0", 0)


def test_equal_and_unreadable_dumps(cli: Cli, files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "d.bin").write_bytes(np.int8(-119).tobytes())
    shown = cli("why", files[0], "--dump", tmp_path / "d.bin", "-i", files[1])
    assert (shown.code, "all 1 tensors equal" in shown.out) == (0, True)
    assert cli("why", files[0], "--dump", tmp_path / "no.bin", "-i", files[1]).code == 2
    (tmp_path / "d.npz").write_bytes(b"no archive")
    assert cli("why", files[0], "--dump", tmp_path / "d.npz", "-i", files[1]).code == 2
    np.save(tmp_path / "long.npy", np.zeros(5, np.int8))
    assert cli("why", files[0], "--dump", tmp_path / "long.npy", "-i", files[1]).code == 2

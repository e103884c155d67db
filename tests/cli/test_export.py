from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore.tflite import save
from tests.cli.conftest import Cli
from tests.ops.test_conv_2d import tiny


@pytest.fixture
def conv(tmp_path: Path) -> Path:
    save(tiny().model(), tmp_path / "conv.tflite")
    return tmp_path / "conv.tflite"


def test_three_formats_hold_the_same(cli: Cli, conv: Path, tmp_path: Path) -> None:
    for form, name in (("npz", "a.npz"), ("c", "a.h"), ("hex", "a")):
        shown = cli("export", conv, "--op", 0, "--format", form, "-o", tmp_path / name, "--random", 1)
        assert shown.code == 0, shown.err
        again = cli("export", conv, "--format", form, "-o", tmp_path / name, "--random", 1)
        assert (again.code, "--force" in again.err) == (2, True)
        assert cli("export", conv, "--format", form, "-o", tmp_path / name, "--random", 1, "--force").code == 0
    arrays = dict(np.load(tmp_path / "a.npz"))
    index = json.loads((tmp_path / "a" / "index.json").read_text(encoding="utf-8"))
    header = (tmp_path / "a.h").read_text(encoding="ascii")
    assert index.keys() == arrays.keys()
    assert {"op0_weights", "op0_bias", "op0_input0", "op0_output0"} <= arrays.keys()
    for name, value in arrays.items():
        assert tuple(index[name]["shape"]) == value.shape
        assert f" {name}[{value.size}] = " in header
        assert len((tmp_path / "a" / f"{name}.hex").read_text(encoding="ascii").split()) == value.size
    assert not list(tmp_path.rglob(".*")), "a temporary file was left"


def test_constants_alone_and_what_is_refused(cli: Cli, conv: Path, tmp_path: Path) -> None:
    assert cli("export", conv, "-o", tmp_path / "c.npz").code == 0
    assert "op0_output0" not in np.load(tmp_path / "c.npz")
    assert cli("export", conv, "-o", tmp_path / "no" / "c.npz").code == 2
    assert cli("export", conv, "-o", tmp_path / "c.npz", "--format", "hex").code == 2
    assert cli("export", conv, "-o", tmp_path / "d.npz", "--op", 5).code == 2

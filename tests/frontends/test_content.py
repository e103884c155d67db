from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qcore import Interpreter, ModelError, save
from qcore.frontends import convert, needs_conversion
from tests.frontends.conftest import INPUT, answer, package, small_net
from tests.graphs import chain_of_adds


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"PK\x03\x04 and so on")
    (tmp_path / "b.tflite").write_bytes(b"\x89HDF\r\n\x1a\n")
    save(chain_of_adds(), tmp_path / "c.keras")
    found = [needs_conversion(tmp_path / name) for name in (".", "a.tflite", "b.tflite", "c.keras", "none.keras")]
    assert found == [True, True, True, False, False]


def test_folders_and_files_are_converted(tmp_path: Path) -> None:
    net = small_net(package("keras"))
    net.save(tmp_path / "net.keras")
    net.export(tmp_path / "saved", verbose=False)
    for name in ("net.keras", "saved"):
        np.testing.assert_allclose(Interpreter(convert(tmp_path / name)).run(INPUT)[0], answer(net), rtol=0, atol=1e-5)
    with pytest.raises(ModelError, match=r"a folder without saved_model.pb is no model"):
        convert(tmp_path)

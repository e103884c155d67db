from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qcore.files import replace_file


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    for data in (b"first", b"second, longer", b""):
        replace_file(target, data)
        assert target.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.bin"
    replace_file(target, b"before")

    def refuse(*_: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        replace_file(target, b"after")
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]

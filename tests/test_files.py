from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qcore.errors import UnsupportedError
from qcore.files import as_npz, replace_file


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


def test_arrays_of_any_name_and_type_come_back(tmp_path: Path) -> None:
    arrays = {
        "file": np.arange(6, dtype=np.int8).reshape(2, 3),
        "a/b;c": np.float32(1.5),
        "text": np.array([b"one", b""], object),
    }
    with np.load(io.BytesIO(as_npz(arrays)), allow_pickle=False) as read:
        assert set(read.files) == set(arrays)
        for name, array in arrays.items():
            assert read[name].tolist() == array.tolist()
        assert read["file"].dtype == np.int8


def test_text_that_numpy_would_cut_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="zero byte"):
        as_npz({"text": np.array([b"one\0"], object)})

"""The archive of associated files survives, and anything else that follows a model."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from tests.tflite_schema.checks import SHARED, check_roundtrip, needs_models
from tflite_schema import (
    AddOptions,
    Buffer,
    BuiltinOptions,
    Model,
    Operator,
    SubGraph,
    read,
    write,
)


@pytest.mark.parametrize("weights", [0, 5000])
def test_files_appended_by_tflite_metadata_survive(tmp_path: Path, weights: int) -> None:
    """The archive stays sound although the model before it grows or shrinks, and its offsets count from the start."""
    path = tmp_path / "model.tflite"
    path.write_bytes(write(Model(description="labelled", buffers=[Buffer(data=b"\1" * 1000)])))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
        archive.writestr("vocabulary.txt", "a b c")
    model = read(path)
    assert model.appended is not None
    with zipfile.ZipFile(io.BytesIO(model.appended.tobytes())) as archive:
        assert archive.read("labels.txt") == b"cat\ndog\n"
    assert read(check_roundtrip(model)).description == "labelled"
    data = check_roundtrip(model.replace(buffers=[Buffer(data=b"\2" * weights)]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("vocabulary.txt") == b"a b c"
        assert archive.testzip() is None
    directory = data.index(b"PK\1\2")
    assert struct.unpack_from("<I", data, data.index(b"PK\5\6") + 16)[0] == directory
    assert data[struct.unpack_from("<I", data, directory + 42)[0] :].startswith(b"PK\3\4")


LOST_ARCHIVE = b"PK\1\2" + bytes(42) + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 100, 0)
"""An archive whose directory is said to be at byte 100 of a file, and its one entry at byte 0, outside the archive."""


@pytest.mark.parametrize(
    "tail", [b"tail", b"\0\0PK\5\6", b"PK\5\6" + b"\xff" * 18, b"PK\1\2PK\5\6" + b"\1\0" * 9, LOST_ARCHIVE]
)
def test_anything_else_appended_is_kept_as_it_is(tail: bytes) -> None:
    model = read(write(Model(description="x")) + tail)
    assert model.appended is not None
    assert model.appended.tobytes() == tail.lstrip(b"\0")
    check_roundtrip(model)
    assert read(write(Model(description="x")) + bytes(99)).appended is None


def test_what_is_dropped_is_not_taken_for_an_appended_file(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    data = bytearray(write(Model(subgraphs=[SubGraph(operators=[Operator(builtin_options=AddOptions())])])))
    data[data.index(bytes([BuiltinOptions.AddOptions]), 40)] = 200
    assert read(data, unknown="drop").appended is None
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat")
    appended = read(path, unknown="drop").appended
    assert appended is not None
    with zipfile.ZipFile(io.BytesIO(appended.tobytes())) as archive:
        assert archive.read("labels.txt") == b"cat"


@needs_models
@pytest.mark.parametrize("name", ["coral_mobilenet_v1_0.25_128_quant", "coral_tf2_mobilenet_v2_1.0_224_ptq"])
def test_the_labels_of_a_real_file_survive(name: str) -> None:
    data = write(read(SHARED / f"{name}.tflite").replace(description="shorter"))
    with zipfile.ZipFile(SHARED / f"{name}.tflite") as original, zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == original.namelist() != []
        assert [archive.read(entry) for entry in archive.namelist()] == [original.read(e) for e in original.namelist()]

"""What a path holds, decided by content: a .tflite, or something TensorFlow has to convert first."""

from __future__ import annotations

from pathlib import Path

from qcore.errors import ModelError
from qcore.frontends.keras import from_keras
from qcore.frontends.saved_model import from_saved_model
from qcore.ir import Model

__all__ = ["convert", "needs_conversion"]

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


def needs_conversion(path: Path) -> bool:
    """Whether the path is a folder, or a file that begins as a .keras (zip) or .h5 (HDF5) file does."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return False  # `load` says why it cannot be read
    return start.startswith((_ZIP, _HDF5))


def convert(path: Path) -> Model:
    """The float model of a SavedModel folder or of a .keras or .h5 file; errors as in those front ends."""
    if not path.is_dir():
        return from_keras(path)
    if (path / "saved_model.pb").is_file():
        return from_saved_model(path)
    raise ModelError(
        f"{path}: a folder without saved_model.pb is no model; a checkpoint needs the model it was made of: "
        "qcore.from_checkpoint in Python"
    )

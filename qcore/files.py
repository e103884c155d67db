"""Writing files: whole or not at all, and arrays by name."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qcore.errors import UnsupportedError

__all__ = ["as_npz", "replace_file"]


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` through a temporary file in the same folder, then replace `path`; OSError where that fails."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def as_npz(arrays: Mapping[str, Any]) -> bytes:
    """The bytes of an .npz that holds these arrays by name, whatever the names are.

    Arrays of byte strings become fixed-width ones, which NumPy reads without unpickling; a string that ends in a zero
    byte would lose it: UnsupportedError.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, given in arrays.items():
            array = np.asarray(given)
            if array.dtype == object:
                if any(text.endswith(b"\0") for text in array.reshape(-1).tolist()):
                    raise UnsupportedError(f"{name!r} has a string that ends in a zero byte; an .npz would drop it")
                array = array.astype(bytes)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return buffer.getvalue()

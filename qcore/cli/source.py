"""The model a command is given: a .tflite, or a Keras file or SavedModel folder that TensorFlow converts first."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qcore.cli.console import errors
from qcore.frontends import convert, needs_conversion
from qcore.ir import Model
from qcore.tflite import load, to_bytes

__all__ = ["HELP", "file_size", "read_model"]

HELP = "A .tflite, .keras or .h5 file, or a SavedModel folder."


def read_model(path: Path) -> Model:
    """The model at a path, decided by content; what is not a .tflite is converted, and a message on stderr says so."""
    if not needs_conversion(path):
        return load(path)
    errors.print(f"converting {path} with TensorFlow", markup=False)
    with _silence():
        return convert(path)


def file_size(path: Path, model: Model) -> int:
    """The bytes of a .tflite file; of a model that was converted, those its .tflite would have."""
    return len(to_bytes(model)) if needs_conversion(path) else path.stat().st_size


@contextmanager
def _silence() -> Iterator[None]:
    """Keep stdout and stderr of the process quiet, for TensorFlow's C++ writes there whatever its log level says."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as nowhere:
        saved = [(number, os.dup(number)) for number in (1, 2)]
        try:
            for number, _ in saved:
                os.dup2(nowhere.fileno(), number)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in saved:
                os.dup2(copy, number)
                os.close(copy)

"""Files that TFLite runs, without a word, to other numbers than before they were damaged: the audit says so."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qcore import QCoreError
from qcore.auditor.audit import audit
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests.auditor.lint.good import digits

ROOT = Path(__file__).resolve().parents[3]
FILES = 2500


def structure(content: bytes) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The positions of all bytes that hold no constant: other weights are another model, not a damaged one."""
    is_structure = np.ones(len(content), np.bool_)
    for buffer in load(content).buffers:
        if buffer is not None and buffer.size:
            at = content.find(buffer.tobytes())
            is_structure[at : at + buffer.size] = False
    return np.flatnonzero(is_structure)


def damaged_files(model: Model) -> list[bytes]:
    """The file, and copies in which one to four bytes of its structure were overwritten."""
    content, rng = to_bytes(model), np.random.default_rng(0)
    positions, files = structure(to_bytes(model)), [content]
    for _ in range(FILES):
        damaged = bytearray(content)
        for _ in range(int(rng.integers(1, 5))):
            damaged[int(rng.choice(positions))] = int(rng.integers(256))
        files.append(bytes(damaged))
    return files


def verdicts(files: list[bytes], folder: Path) -> dict[int, str]:
    """TFLite's, by number; a file on which the process ends crashes it, and another process goes on after it."""
    archive = folder / "files.npz"
    arrays: dict[str, Any] = {str(i): np.frombuffer(file, np.uint8) for i, file in enumerate(files)}
    np.savez(archive, **arrays)
    found: dict[int, str] = {}
    while len(found) < len(files) - 1:
        command = [sys.executable, "-m", "tests.auditor.lint.verdicts", str(archive), str(len(found) + 1)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found |= {int(line.split()[0]): line.split()[1] for line in run.stdout.splitlines() if line[:1].isdigit()}
        if len(found) < len(files) - 1:
            assert run.returncode < 0, run.stderr[-2000:]
            found[len(found) + 1] = "crash"
    return found


def says_something(file: bytes) -> bool:
    try:
        return bool(audit(file).findings)
    except QCoreError:
        return True


@pytest.mark.conformance
def test_what_tflite_runs_to_other_numbers_is_found(tmp_path: Path) -> None:
    files = damaged_files(digits())
    found = verdicts(files, tmp_path)
    wrong = [index for index, verdict in found.items() if verdict in ("different", "crash")]
    missed = [index for index in wrong if not says_something(files[index])]
    print(Counter(found.values()), f"missed {len(missed)} of {len(wrong)}")
    assert len(wrong) > 20
    assert missed == []

"""Runs damaged files in TFLite, in a process of its own, and prints a verdict on each: it may crash on any of them.

    python -m tests.auditor.lint.verdicts FILES.npz FIRST

FILES.npz: "0" the good file, "1", "2", ... the damaged ones, as bytes. Prints "INDEX same|different|error" a line.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import oracle


def outputs(content: bytes) -> list[NDArray[Any]]:
    """What TFLite's reference kernels answer to two seeded inputs."""
    interpreter = oracle.interpreter(content)
    interpreter.allocate_tensors()
    rng, results = np.random.default_rng(1), []
    for _ in range(2):
        for detail in interpreter.get_input_details():
            x = rng.integers(-128, 128, detail["shape"]).astype(detail["dtype"])
            interpreter.set_tensor(detail["index"], x)
        interpreter.invoke()
        results += [interpreter.get_tensor(detail["index"]).copy() for detail in interpreter.get_output_details()]
    return results


def main(archive: str, first: int) -> None:
    with np.load(archive) as files:
        good = outputs(files["0"].tobytes())
        for index in range(first, len(files)):
            try:
                found = outputs(files[str(index)].tobytes())
                same = len(found) == len(good) and all(map(np.array_equal, found, good))
                verdict = "same" if same else "different"
            except Exception:  # whatever TFLite's binding raises: it did not run
                verdict = "error"
            print(index, verdict, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

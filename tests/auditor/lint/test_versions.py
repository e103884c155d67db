"""Versions of operators and of the runtime."""

from __future__ import annotations

import numpy as np

from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, digits, finds, found, pick


def _lower(model: Model, rng: Rng) -> None:
    pick((op for op in model.main.operators if op.version > 1), rng).version = 1


def _older(model: Model, rng: Rng) -> None:
    entry = next(entry for entry in model.metadata if entry.name == "min_runtime_version")
    model.buffers[int(entry.buffer)] = np.frombuffer(pick((b"1.4.0", b"0.9.9", b""), rng), np.uint8)


PLANTS: Plants = {
    "QL801": [(recipe, _lower) for recipe in ("int8", "int16x8", "dynamic_range")],
    "QL802": [(recipe, _older) for recipe in ("int8", "int16x8", "dynamic_range")],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_evidence() -> None:
    model = digits()
    next(op for op in model.main.operators if op.name == "FULLY_CONNECTED").version = 2
    (finding,) = found(model, "QL801")
    assert (finding.evidence["version"], finding.evidence["needed"], finding.fixable) == (2, 4, True)


def test_a_higher_version_is_none() -> None:
    model = digits()
    for op in model.main.operators:
        op.version += 3
    assert not found(model, "QL801")

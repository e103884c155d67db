"""Versions of operators and of the runtime."""

from __future__ import annotations

import numpy as np

from qcore.auditor.lint.versions import unknown_version
from qcore.ir import Model
from qcore.op import Node
from tests.auditor.lint.good import Plants, Rng, digits, finds, found, pick
from tests.graphs import one_operator
from tflite_schema import BuiltinOperator


def _lower(model: Model, rng: Rng) -> None:
    pick((op for op in model.main.operators if op.version > 1), rng).version = 1


def _older(model: Model, rng: Rng) -> None:
    entry = next(entry for entry in model.metadata if entry.name == "min_runtime_version")
    model.buffers[int(entry.buffer)] = np.frombuffer(pick((b"1.4.0", b"0.9.9", b"1"), rng), np.uint8)


def _unknown(model: Model, rng: Rng) -> None:
    pick(model.main.operators, rng).version = int(rng.choice([0, -1, 40]))


PLANTS: Plants = {
    "QL803": [(recipe, _unknown) for recipe in ("int8", "int16x8", "dynamic_range")],
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
    assert {f.place.operator_name for f in found(model, "QL803")} >= {"SOFTMAX", "RESHAPE"}


def test_versions_that_only_the_optimized_kernels_have() -> None:
    n = Node.of(one_operator(BuiltinOperator.TILE, 3), 0, 0)
    assert unknown_version(n) is None
    assert unknown_version(n, reference=True) == "version 3; TFLite 2.21 has a reference kernel of 1 to 2"
    n = Node.of(one_operator(BuiltinOperator.CEIL, 1), 0, 0)
    assert unknown_version(n, reference=True) == "TFLite 2.21 has no reference kernel of this operator"
    assert found(one_operator(BuiltinOperator.CEIL, 1), "QL901", "reference")
    assert not found(one_operator(BuiltinOperator.CEIL, 1), "QL803", "reference")

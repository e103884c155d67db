"""What TFLite refuses to run."""

from __future__ import annotations

import numpy as np

from qcore.auditor.lint import lint
from qcore.auditor.lint.probe import Subject
from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, change, digits, finds, found, operator, pick, result
from tflite_schema import TensorType


def _shapes(model: Model, rng: Rng) -> None:
    add, pool = operator(model, "ADD"), result(model, "MAX_POOL_2D")
    model.main.operators.append(model.main.operators.pop(model.main.operators.index(add)))
    add.inputs = (add.inputs[0], pool)


def _types(model: Model, rng: Rng) -> None:
    name = pick(("CONV_2D", "ADD", "RESHAPE"), rng)
    model.main.tensors[result(model, name)].type = TensorType.INT32


PLANTS: Plants = {"QL005": [("int8", _shapes), ("int8", _types)]}
test_a_planted_fault_is_found = finds(PLANTS)


def test_a_refusal_that_another_finding_explains_is_not_told_twice() -> None:
    model = digits()
    change(model, 5, zero_point=np.full(96, 3))  # CONV_2D refuses weights with a zero point
    assert Subject.of(model).refused
    assert [finding.code for finding in lint(model)] == ["QL301"]


def test_what_follows_a_refused_operator_is_not_blamed() -> None:
    model = digits()
    model.main.tensors[result(model, "ADD")].type = TensorType.INT32
    assert {f.place.operator_name for f in found(model, "QL005")} == {"ADD"}

"""Weights with a zero point, and -128."""

from __future__ import annotations

import numpy as np

from qcore.auditor.finding import Severity
from qcore.ir import Model
from qcore.rules import Weight
from tests.auditor.lint.good import Plants, Rng, change, digits, finds, found, operands, pick, quant_of, real


def _zero_point(model: Model, rng: Rng) -> None:
    _, w = pick(operands(model, Weight), rng)
    zeros = np.zeros(quant_of(model, w.index).scale.size, np.int64)
    zeros[rng.integers(zeros.size)] = rng.choice([-20, 1, 100])
    change(model, w, zero_point=zeros)


def _lowest(model: Model, rng: Rng) -> None:
    _, w = pick(operands(model, Weight), rng)
    assert w.value is not None
    values = w.value.copy()
    values.reshape(-1)[rng.integers(values.size)] = -128
    model.main.tensors[w.index].buffer = model.add_buffer(values)


PLANTS: Plants = {
    "QL301": [("int8", _zero_point), ("int16x8", _zero_point), ("dynamic_range", _zero_point)],
    "QL302": [("int8", _lowest), ("int16x8", _lowest), ("dynamic_range", _lowest)],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_a_zero_point_that_the_kernel_subtracts() -> None:
    """FULLY_CONNECTED reads the zero point of weights that are quantized as a whole; convolutions never do."""
    model = real("mlptiny_ad01_int8")
    w = next(w for n, w in operands(model, Weight) if n.name == "FULLY_CONNECTED")
    change(model, w, zero_point=np.array([5]))
    (finding,) = found(model, "QL301")
    assert finding.severity == Severity.ERROR
    assert "subtracts it, XNNPACK does not" in finding.message


def test_unsigned_weights_are_asymmetric() -> None:
    assert not found(real("coral_mobilenet_v1_0.25_128_quant"), "QL301")


def test_evidence_counts() -> None:
    model = digits()
    _lowest(model, np.random.default_rng(0))
    (finding,) = found(model, "QL302")
    assert finding.evidence["count"] == 1

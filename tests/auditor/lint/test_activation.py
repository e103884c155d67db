"""Fused activations that leave too little, or do nothing."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.finding import Severity
from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, change, digits, finds, found, operator, pick, result
from tflite_schema import ActivationFunctionType


def _wide(model: Model, rng: Rng) -> None:
    """A ReLU whose result could hold negative numbers as well."""
    name = pick(("CONV_2D", "DEPTHWISE_CONV_2D"), rng)
    change(model, result(model, name), zero_point=np.array([int(rng.integers(-100, 100))]))


def _narrow(model: Model, rng: Rng) -> None:
    name = pick(("CONV_2D", "DEPTHWISE_CONV_2D"), rng)
    change(model, result(model, name), scale=np.array([rng.uniform(1e-5, 2e-4)], np.float32))


def _narrow_both_ways(model: Model, rng: Rng) -> None:
    options = operator(model, "ADD").options
    operator(model, "ADD").options = options.replace(fused_activation_function=ActivationFunctionType.RELU_N1_TO_1)
    change(model, result(model, "ADD"), scale=np.array([3.5e-5], np.float32), zero_point=np.array([0]))


PLANTS: Plants = {"QL501": [("int8", _wide)], "QL502": [("int8", _narrow), ("int8", _narrow_both_ways)]}
test_a_planted_fault_is_found = finds(PLANTS)


@pytest.mark.parametrize(
    ("zero_point", "severity"),
    [
        (-110, Severity.NOTE),
        (0, Severity.NOTE),
        (120, Severity.WARNING),
        (126, Severity.WARNING),
        (127, Severity.ERROR),
    ],
)
def test_the_severity_follows_what_is_left(zero_point: int, severity: Severity) -> None:
    model = digits()
    change(model, result(model, "CONV_2D"), zero_point=np.array([zero_point]))
    (finding,) = found(model, "QL501")
    assert (finding.severity, finding.evidence["lowest"]) == (severity, zero_point)


def test_sixteen_bits_are_symmetric() -> None:
    """ReLU leaves half of the integers of int16, and no scale makes it more."""
    assert not found(digits("int16x8"), "QL501")
    model = digits("int16x8")
    change(model, result(model, "CONV_2D"), scale=np.array([24 / 32767], np.float32))
    (finding,) = found(model, "QL501")
    assert finding.evidence["kept"] == pytest.approx(0.25, abs=1e-3)

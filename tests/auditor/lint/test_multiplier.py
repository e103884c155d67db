"""Multipliers that kernels cannot hold, or hold badly."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.finding import Severity
from qcore.ir import Model
from qcore.numerics.fixedpoint import quantize_multiplier
from tests.auditor.lint.good import Plant, Plants, Rng, change, digits, finds, found, pick, quant_of, result


def _result_scale(names: tuple[str, ...], scale: float) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        change(model, result(model, pick(names, rng)), scale=np.array([scale], np.float32))

    return plant


PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _vanishing(model: Model, rng: Rng) -> None:
    """A multiplier below 2^-32 in front of sums that need 40 bits."""
    dense = next(op for op in model.main.operators if op.name == "FULLY_CONNECTED")
    model.main.tensors[dense.inputs[2]].buffer = model.add_buffer(np.full(10, 1 << 40, np.int64))
    x, w = (float(quant_of(model, tensor).scale[0]) for tensor in dense.inputs[:2])
    for index in dense.inputs[1:]:
        scale = quant_of(model, index).scale
        change(model, index, scale=np.full_like(scale, w if index == dense.inputs[1] else x * w))
    change(model, dense.outputs[0], scale=np.array([x * w * 2.0**33], np.float32))


PLANTS: Plants = {
    "QL601": [("int8", _result_scale(PRODUCTS, 1e-7)), ("int16x8", _result_scale(PRODUCTS, 1e-9))],
    "QL602": [
        ("int8", _result_scale(("ADD",), 1e-9)),
        ("int16x8", _result_scale(("ADD",), 1e-9)),
        ("int8", _result_scale(PRODUCTS, 1e-20)),
    ],
    "QL603": [("int16x8", _vanishing)],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_evidence_of_what_is_lost() -> None:
    model = digits("int16x8")
    _vanishing(model, np.random.default_rng(0))
    (finding,) = found(model, "QL603")
    assert finding.severity == Severity.WARNING
    held, shift = quantize_multiplier(finding.evidence["multiplier"])
    assert finding.evidence["held"] == held * 2.0 ** (shift - 31) == 0
    assert 127 < finding.evidence["steps"] < 129


def test_a_sum_near_its_limit() -> None:
    """ADD brings both operands to twice the larger scale, shifted by 20 bits."""
    for factor, expected in ((1.01, 0), (0.99, 1)):
        model = digits()
        a, b = next(op.inputs for op in model.main.operators if op.name == "ADD")
        twice = 2 * max(float(quant_of(model, tensor).scale[0]) for tensor in (a, b))
        change(model, result(model, "ADD"), scale=np.array([factor * twice / 2**20], np.float32))
        assert len(found(model, "QL602")) == expected


@pytest.mark.parametrize(("recipe", "severity"), [("int8", Severity.ERROR), ("int16x8", Severity.NOTE)])
def test_what_xnnpack_fails_to_set_up_is_an_error(recipe: str, severity: Severity) -> None:
    for factor, expected in ((0.99, Severity.NOTE), (1.01, severity)):
        model = digits(recipe)
        dense = next(op for op in model.main.operators if op.name == "FULLY_CONNECTED")
        x, w = (quant_of(model, tensor).scale.astype(np.float64) for tensor in dense.inputs[:2])
        change(model, dense.outputs[0], scale=(x * w.max() / (256 * factor)).astype(np.float32))
        (finding,) = found(model, "QL601")
        assert finding.severity == expected
        assert finding.evidence["multiplier"] == pytest.approx(256 * factor, rel=1e-6)

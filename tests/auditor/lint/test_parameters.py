"""Scales and zero points that cannot be, planted in good models."""

from __future__ import annotations

import numpy as np

from qcore import quantize
from qcore.auditor.finding import Severity
from qcore.auditor.lint import lint
from qcore.ir import Model
from qcore.quantizer import Recipe, Rule
from tests.auditor.lint.good import (
    Plant,
    Plants,
    Rng,
    change,
    digits,
    finds,
    float_digits,
    found,
    pick,
    quant_of,
    quantized,
)
from tflite_schema import TensorType


def _scale(value: float) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        index = pick(quantized(model), rng)
        scale = quant_of(model, index).scale.copy()
        scale[rng.integers(scale.size)] = np.float32(value)
        change(model, index, scale=scale)

    return plant


def _zero_point(recipe_type: str, value: int) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        index = pick(quantized(model, recipe_type), rng)
        change(model, index, zero_point=np.full(quant_of(model, index).scale.size, value))

    return plant


PLANTS: Plants = {
    "QL101": [("int8", _scale(value)) for value in (0.0, -0.5, np.nan, np.inf, -np.inf)],
    "QL102": [("int8", _scale(value)) for value in (1e-40, 1e-45, 2e12, 1e38)],
    "QL103": [("int8", _zero_point("INT8", value)) for value in (128, -129, 1 << 40)]
    + [("int16x8", _zero_point("INT16", 40000)), ("int8", _zero_point("INT32", 1 << 31))],
    "QL104": [("int16x8", _zero_point("INT16", value)) for value in (1, -300)],
}


test_a_planted_fault_is_found = finds(PLANTS)


def test_the_evidence_has_the_numbers() -> None:
    model = digits()
    change(model, 3, scale=np.array([np.nan], np.float32))
    (finding,) = found(model, "QL101")
    assert (finding.place.tensor, finding.severity) == (3, Severity.ERROR)
    assert np.isnan(finding.evidence["scale"])
    assert "scale nan of channel 0: a scale must be a positive number" in finding.message


def test_the_largest_and_smallest_usual_scales_are_none() -> None:
    for value in (1.2e-38, 2.0**40):
        model = digits()
        change(model, 3, scale=np.array([value], np.float32))
        assert not found(model, "QL101")
        assert not found(model, "QL102")


def test_scales_of_blocks() -> None:
    model, _ = float_digits()
    rule = Rule("dynamic_range", operators=["FULLY_CONNECTED"], weight_bits=4, block_size=32)
    blocks = quantize(model, Recipe("blocks", "float", rules=[rule]))
    assert lint(blocks) == []
    holder = next(tensor for tensor in blocks.main.tensors if tensor.type == TensorType.FLOAT16)
    scales = blocks.constant(holder)
    assert scales is not None
    damaged = scales.copy()
    damaged[3, 2] = np.inf
    holder.buffer = blocks.add_buffer(damaged)
    (finding,) = found(blocks, "QL101")
    assert finding.place.operator_name == "FULLY_CONNECTED"
    assert finding.evidence["channel"] == 3 * 12 + 2

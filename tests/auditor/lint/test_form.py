"""Graphs that contradict themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore.auditor.lint import lint
from qcore.ir import Model, QuantParams
from qcore.tflite import load, to_bytes
from tests.auditor.lint.good import Plant, Plants, Rng, change, digits, finds, found, pick, quant_of, quantized, result


def _missing(where: str, index: int) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        operator = pick(model.main.operators, rng)
        setattr(operator, where, (*getattr(operator, where)[:-1], index))

    return plant


def _buffer(model: Model, rng: Rng) -> None:
    pick(model.main.tensors, rng).buffer = 999


def _graph_input(model: Model, rng: Rng) -> None:
    model.main.inputs = (99,)


def _counts(scales: int, zero_points: int, axis: int) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        index = pick(quantized(model), rng)
        quant = QuantParams(np.full(scales, 0.5, np.float32), np.zeros(zero_points, np.int64), axis)
        model.main.tensors[index].quant = quant

    return plant


def _other_axis(model: Model, rng: Rng) -> None:
    """The weights of the 1x1 convolution are as many out as in."""
    index = next(i for i, tensor in enumerate(model.main.tensors) if tensor.shape == (32, 1, 1, 32))
    change(model, index, quantized_dimension=3)


def _per_channel(model: Model, rng: Rng) -> None:
    index = result(model, pick(("ADD", "MAX_POOL_2D", "DEPTHWISE_CONV_2D"), rng))
    scale = float(quant_of(model, index).scale[0])
    model.main.tensors[index].quant = QuantParams.of(scale * rng.uniform(0.5, 2, 32), 0, 3)


PLANTS: Plants = {
    "QL001": [
        *[("int8", _missing(*by)) for by in (("inputs", 99), ("outputs", -3), ("outputs", 3))],
        ("int8", _buffer),
        ("int8", _graph_input),
    ],
    "QL002": [
        ("int8", _counts(1, 2, 0)),
        ("int8", _counts(7, 7, 0)),
        ("int8", _counts(1, 1, 9)),
        ("int8", _counts(1, 1, -1)),
    ],
    "QL003": [("int8", _other_axis), ("int16x8", _other_axis)],
    "QL004": [("int8", _per_channel)],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_a_tensor_is_told_once() -> None:
    model = digits()
    _per_channel(model, np.random.default_rng(0))
    assert len(found(model, "QL004")) == 1


def test_a_file_with_wrong_axes_is_read_and_reported() -> None:
    model = digits()
    change(model, 3, quantized_dimension=7)
    (finding,) = [f for f in lint(load(to_bytes(model))) if f.code == "QL002"]
    assert finding.evidence["shape"] == [10, 384]
    assert finding.evidence["quantized_dimension"] == 7
    assert finding.place.tensor == 3


def test_all_contradictions_are_told_not_only_the_first() -> None:
    model = digits()
    for index in (3, 5, 7):
        model.main.tensors[index].quant = replace(quant_of(model, index), quantized_dimension=9)
    assert [finding.place.tensor for finding in found(model, "QL002")] == [3, 5, 7]


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
def test_evidence_of_an_axis(recipe: str) -> None:
    model = digits(recipe)
    _other_axis(model, np.random.default_rng(0))
    (finding,) = found(model, "QL003")
    assert dict(finding.evidence) == {"quantized_dimension": 3, "expected": 0}

"""Stored shapes that the operators contradict: found by overwriting options of a file at random."""

from __future__ import annotations

from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, digits, finds, found, operator, pick, result


def _strides(model: Model, rng: Rng) -> None:
    op = operator(model, pick(("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"), rng))
    op.options = op.options.replace(stride_w=int(rng.integers(3, 99)))


def _stated(model: Model, rng: Rng) -> None:
    tensor = model.main.tensors[result(model, pick(("CONV_2D", "ADD", "FULLY_CONNECTED"), rng))]
    tensor.shape = (*tensor.shape[:-1], tensor.shape[-1] + int(rng.integers(1, 9)))


PLANTS: Plants = {"QL006": [("int8", _strides), ("int8", _stated), ("float16", _strides)]}
test_a_planted_fault_is_found = finds(PLANTS)


def test_a_dimension_left_open_may_be_anything() -> None:
    model = digits()
    tensor = model.main.tensors[result(model, "FULLY_CONNECTED")]
    tensor.shape = (7, *tensor.shape[1:])
    assert len(found(model, "QL006")) == 1
    tensor.shape_signature = (-1, *tensor.shape[1:])
    assert found(model, "QL006") == []

"""Operator versions: whole models compare them with TensorFlow's, here is what is special about them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check
from tflite_schema import AddOptions, ConcatenationOptions, PackOptions

X = (1, 4)


@pytest.mark.parametrize("span", [None, (-1.0, 1.0)])
def test_a_quantize_between_operators_raises_the_version_of_all(span: tuple[float, float] | None) -> None:
    g = FloatGraph(1, span)
    ours = check(g.model(g.op("CONCATENATION", [g.input(X), g.input(X)], (2, 4), options=ConcatenationOptions(axis=0))))
    assert ours is not None
    versions = {operator.version for operator in ours.main.operators if operator.name == "QUANTIZE"}
    assert versions == ({2} if span is None else {1})


def test_operators_on_integers_and_higher_versions() -> None:
    g = FloatGraph()
    packed = g.op("PACK", [g.input((2,), np.int32)], (1, 2), options=PackOptions(values_count=1), dtype=np.int32)
    model = g.model(packed, g.op("ADD", [g.input(X), g.input(X)], X, options=AddOptions()))
    model.main.operators[1].version = 5
    ours = check(model)
    assert ours is not None
    assert [operator.version for operator in ours.main.operators if operator.name in ("PACK", "ADD")] == [2, 5]

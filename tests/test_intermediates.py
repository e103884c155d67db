"""What a fused LSTM's intermediate tensors and states see is what TFLite's calibrator sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.calibration import Calibration
from qcore.calibrator import calibrate
from qcore.intermediates import with_intermediates
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph
from tests.quantizer.recurrent import FORMS, Form, lstm
from tests.test_calibrator import RELATIVE, assert_equal, theirs

Array = NDArray[Any]


def model_of(form: Form, layers: int = 1, seed: int = 3) -> Model:
    """A float model without ranges and without intermediate tensors, as a converter leaves it."""
    form = replace(form, intermediates=0)
    graph = FloatGraph(seed)
    y = graph.input((2, 3) if form.single_step else (4, 2, 3) if form.time_major else (2, 4, 3))
    for _ in range(layers):
        y = lstm(graph, y, form)
    model = graph.model(y)
    for tensor in model.main.tensors:
        tensor.quant = None
    return load(to_bytes(model))


def samples_of(model: Model, count: int = 4) -> list[list[Array]]:
    rng = np.random.default_rng(9)
    shapes = [model.main.tensors[index].shape for index in model.main.inputs]
    return [[rng.normal(0, 1, shape).astype(np.float32) for shape in shapes] for _ in range(count)]


@pytest.mark.parametrize("name", FORMS)
def test_ranges_are_those_of_tflite(name: str) -> None:
    """Two layers: gates, states, and the values between. Layer normalization makes the last bits grow."""
    model = model_of(FORMS[name], layers=2)
    samples = samples_of(model)
    ours, reference = dict(calibrate(model, samples).statistics), theirs(to_bytes(model), samples)
    assert_equal(with_intermediates(model), ours, reference, 1e-5 if FORMS[name].layer_norm else RELATIVE)


@pytest.mark.parametrize("name", ["plain", "cifg", "all", "single step"])
def test_tensors_are_those_of_tflite(name: str) -> None:
    oracle.tensorflow()
    from tensorflow.lite.python.optimize import calibrator

    model = model_of(FORMS[name], layers=2)
    mine, other = with_intermediates(model), load(bytes(calibrator.add_intermediate_tensors(to_bytes(model))))
    assert [op.intermediates for op in mine.main.operators] == [op.intermediates for op in other.main.operators]
    for t, u in zip(mine.main.tensors, other.main.tensors, strict=True):
        assert (t.name, t.shape, t.type) == (u.name, u.shape, u.type)


def test_nothing_is_added_twice_or_without_need() -> None:
    graph = FloatGraph()
    plain = graph.model(graph.op("ABS", [graph.input((2, 3))], (2, 3)))
    assert with_intermediates(plain) is plain
    model = model_of(FORMS["plain"])
    added = with_intermediates(model)
    assert added is not model
    assert not model.main.operators[0].intermediates
    assert with_intermediates(added) is added


def test_ranges_fit_the_model_with_and_without_the_tensors() -> None:
    model = model_of(FORMS["plain"])
    for made in (calibrate(model, samples_of(model)), Calibration.of(model, {"intermediate_0_4": (-1, 1)})):
        made.check(model)
        made.check(with_intermediates(model))
    assert model.main.tensors[-1].name != "intermediate_0_4"

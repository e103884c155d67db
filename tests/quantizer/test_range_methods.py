"""What range methods are for: a glitch in one calibration sample must not cost all others their resolution."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from qcore import Calibration, Model, calibrate, quantize
from qcore.auditor.metrics import compare_layers
from tests.quantizer.converter import FloatGraph
from tflite_schema import ActivationFunctionType, Conv2DOptions

SHAPE = (1, 32, 32, 8)


def samples(seed: int, count: int, glitch: float = 0.0) -> list[np.ndarray]:
    """Normal values; with a glitch, one element of the third sample is that large."""
    drawn = np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)
    drawn[2, 0, 7, 7, 3] += np.float32(glitch)
    return list(drawn)


@functools.cache
def network() -> Model:
    """Three convolutions of 1x1, with RELU between."""
    graph = FloatGraph()
    x = graph.input(SHAPE)
    for activation in (ActivationFunctionType.RELU, ActivationFunctionType.RELU, ActivationFunctionType.NONE):
        options = Conv2DOptions(stride_w=1, stride_h=1, fused_activation_function=activation)
        x = graph.op("CONV_2D", [x, graph.random(8, 1, 1, 8, spread=0.4), graph.random(8)], SHAPE, options=options)
    return graph.model(x)


@functools.cache
def histograms(glitch: float) -> Calibration:
    return calibrate(network(), samples(0, 32, glitch), method="percentile")


def decibels(ranges: Calibration) -> float:
    """The SQNR of the int8 network's output, on samples without a glitch."""
    return compare_layers(network(), quantize(network(), "int8", ranges), [[x] for x in samples(1, 4)])[-1].sqnr


@pytest.mark.parametrize(
    ("method", "glitch", "gain"),
    [("percentile", 100.0, 18.0), ("moving_average", 100.0, 18.0), ("entropy", 100.0, 12.0), ("mse", 15.0, 2.0)],
)
def test_a_glitch_in_one_sample(method: str, glitch: float, gain: float) -> None:
    """Gains over min_max, in decibels. mse weighs the glitch by its square, and gives up some of it only."""
    with_glitch = samples(0, 32, glitch)
    if method == "moving_average":
        found = calibrate(network(), with_glitch, method=method)
    else:
        found = histograms(glitch).by(method)
    assert decibels(found) > decibels(calibrate(network(), with_glitch)) + gain


@pytest.mark.parametrize(("method", "glitch", "gain"), [("percentile", 1e4, 3.0), ("entropy", 100.0, 4.0)])
def test_a_second_pass(method: str, glitch: float, gain: float) -> None:
    """Gains over one pass, where the glitch leaves all other values too few bins."""
    once, twice = (calibrate(network(), samples(0, 32, glitch), method=method, passes=n) for n in (1, 2))
    assert decibels(twice) > decibels(once) + gain


@pytest.mark.parametrize("method", ["percentile", "mse", "entropy"])
def test_without_a_glitch_nothing_is_lost(method: str) -> None:
    """On normal values min_max wastes some of the range."""
    assert decibels(histograms(0.0).by(method)) > decibels(calibrate(network(), samples(0, 32)))

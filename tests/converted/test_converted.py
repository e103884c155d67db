"""Whole models out of TensorFlow's converter: their outputs equal those of TFLite's reference kernels.

Integers and booleans must all be equal, floats within 1e-5 of their tensor's range; in quantized models this holds of
every tensor of the main graph. The default run takes each sample's `quick` modes, the conformance run all of them.

One combination is left out because TensorFlow's process does not survive it: calibrating a Keras 3 LSTM that is not
unrolled (zoo_recurrent.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter
from qcore.tflite import load
from tests import oracle
from tests.converted import CALIBRATED, ZOO, Mode, Sample
from tflite_schema import TensorType

Array = NDArray[Any]
TOLERANCE = 1e-5
HANDLES = (TensorType.RESOURCE, TensorType.VARIANT)  # names of state, not numbers
DRAWS = 2  # sets of inputs for each model

for _path in sorted(Path(__file__).parent.glob("zoo_*.py")):
    importlib.import_module(f"tests.converted.{_path.stem}")


def combinations() -> list[Any]:
    """(sample, mode) of the whole zoo; those that are not quick are for the conformance run."""
    return [
        pytest.param(
            sample, mode, id=f"{sample.name}-{mode}", marks=() if mode in sample.quick else pytest.mark.conformance
        )
        for sample in ZOO.values()
        for mode in sample.modes
    ]


def stored(values: list[Array], details: list[Any]) -> list[Array]:
    """The inputs as the file wants them: floats are quantized where an input is an integer."""
    result = []
    for value, detail in zip(values, details, strict=True):
        dtype = np.dtype(detail["dtype"])
        if value.dtype == np.float32 and dtype.kind in "iu":
            scale, zero_point = detail["quantization"]
            info = np.iinfo(dtype)
            value = np.clip(np.round(value / scale) + zero_point, info.min, info.max).astype(dtype)
        result.append(value)
    return result


def assert_same(place: str, ours: Array, theirs: Array) -> int:
    """Assert dtype, shape and values; the number of values compared."""
    assert ours.dtype == theirs.dtype, f"{place}: dtype {ours.dtype}, TFLite {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{place}: shape {ours.shape}, TFLite {theirs.shape}"
    wrong = np.atleast_1d(~oracle.same_bits(ours, theirs))
    if ours.dtype.kind in "fc":
        finite = np.abs(theirs[np.isfinite(theirs)])
        with np.errstate(invalid="ignore"):
            wrong &= np.atleast_1d(~(np.abs(ours - theirs) <= TOLERANCE * finite.max(initial=0.0)))
    if wrong.any():
        first = tuple(int(i[0]) for i in np.nonzero(wrong))
        mine, reference = np.atleast_1d(ours)[first], np.atleast_1d(theirs)[first]
        raise AssertionError(
            f"{place}: {wrong.sum()} of {wrong.size} differ, first {first}: {mine}, TFLite {reference}"
        )
    return ours.size


def pairs(content: bytes, sample: Sample, mode: Mode, feeds: list[Array]) -> Iterator[tuple[str, Array, Array]]:
    """(place, ours, TFLite's) for every output, and in quantized models for every tensor the main graph computes."""
    every_tensor = mode in CALIBRATED
    kernels = "optimized" if mode in sample.optimized else "reference"
    theirs = oracle.interpreter(content, every_tensor=every_tensor, kernels=kernels)
    ours = Interpreter(content)
    details = theirs.get_input_details()
    values = stored(feeds, details)
    for detail, value in zip(details, values, strict=True):
        if tuple(detail["shape"]) != value.shape:
            theirs.resize_tensor_input(detail["index"], value.shape)
    theirs.allocate_tensors()
    for _ in range(sample.invocations):
        for detail, value in zip(details, values, strict=True):
            theirs.set_tensor(detail["index"], value)
        theirs.invoke()
        mine = ours.run(values)
    if every_tensor:
        for index, operator in enumerate(ours.model.main.operators):
            for tensor in operator.outputs:
                if ours.model.main.tensors[tensor].type in HANDLES:
                    continue
                place = f"operator {index} {operator.name}, tensor {tensor}"
                yield place, ours.get_tensor(tensor), theirs.get_tensor(tensor)
    for position, (value, detail) in enumerate(zip(mine, theirs.get_output_details(), strict=True)):
        yield f"output {position}", value, theirs.get_tensor(detail["index"])


def signature_pairs(content: bytes, key: str, feeds: list[Array]) -> Iterator[tuple[str, Array, Array]]:
    """(place, ours, TFLite's) for every output of one signature."""
    theirs = oracle.interpreter(content).get_signature_runner(key)
    ours = Interpreter(content).get_signature_runner(key)
    details = theirs.get_input_details()
    named = dict(zip(details, stored(feeds, list(details.values())), strict=True))
    reference = theirs(**named)
    mine = ours(**named)
    assert mine.keys() == reference.keys()
    for name in reference:
        yield f"signature {key}, output {name!r}", mine[name], reference[name]


@pytest.mark.parametrize(("sample", "mode"), combinations())
def test_converted_model(sample: Sample, mode: Mode) -> None:
    content = sample.convert(mode)
    assert any(True for _ in load(content).walk()), "the converter folded the whole model into constants"
    compared = 0
    for seed in range(DRAWS):
        feeds = sample.feeds(seed)
        found = (
            signature_pairs(content, sample.signature, feeds)
            if sample.signature
            else pairs(content, sample, mode, feeds)
        )
        for place, ours, theirs in found:
            compared += assert_same(f"{sample.name} {mode}, draw {seed}, {place}", ours, theirs)
    assert compared > 0

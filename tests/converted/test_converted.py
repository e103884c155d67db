"""Whole models out of TensorFlow's converter: their outputs equal those of TFLite's reference kernels.

Integers and booleans must all be equal, floats within 1e-5 of their tensor's range; in quantized models this holds of
every tensor of the main graph. The default run takes each sample's `quick` modes, the conformance run all of them.
Under the other kernel sets every integer mode is compared, operator by operator (tests/whole_graphs.py).

One combination is left out because TensorFlow's process does not survive it: calibrating a Keras 3 LSTM that is not
unrolled (zoo_recurrent.py).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter, UnsupportedError
from qcore.tflite import load
from tests import oracle
from tests.converted import CALIBRATED, ZOO, Mode, Sample
from tests.whole_graphs import HANDLES, compare_graph, stored

Array = NDArray[Any]
TOLERANCE = 1e-5
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


SETS = ("optimized", "xnnpack", "optimized@litert-2.3", "xnnpack@litert-2.3")
INTEGER_MODES: tuple[Mode, ...] = ("int8", "int8_float_io", "int16x8", "dynamic")
QUICK = ("einstein_sums-int16x8", "inverted_residual-int8", "unrolled_simple-int8_float_io", "mlp-dynamic")
IN_FLOAT = (  # XNNPACK's float BATCH_MATMUL, RSQRT, SIN, SQRT, or CONCATENATION of nothing
    "additive_attention bidirectional_gru causal_decoder cross_attention einstein_sums group_and_unit_normalization "
    "layer_normalization legacy_gru matrix_products mixture_of_experts rotary_and_gated self_attention "
    "stacked_lstm sums_and_products transformer_block vision_transformer words_through_lstm"
)


def is_unknown(name: str, mode: Mode, kernels: str) -> bool:
    """Whether the interpreter refuses a sample: another set's arithmetic is not known."""
    if name == "local_response" or not kernels.startswith("xnnpack"):
        return name == "local_response"
    if mode == "dynamic":
        return name in IN_FLOAT.split() or (name, kernels) == ("mlp_of_many_activations", "xnnpack@litert-2.3")
    return name == "elementary" and mode != "int16x8"


def other_sets() -> list[Any]:
    """(sample, mode, kernels) of integer modes; a few are quick."""
    return [
        pytest.param(
            sample,
            mode,
            kernels,
            id=f"{sample.name}-{mode}-{kernels}",
            marks=() if f"{sample.name}-{mode}" in QUICK and "@" not in kernels else pytest.mark.conformance,
        )
        for sample in ZOO.values()
        for mode in INTEGER_MODES
        if mode in sample.modes and not sample.signature
        for kernels in SETS
    ]


@functools.lru_cache(maxsize=1)
def converted(sample: Sample, mode: Mode) -> bytes:
    return sample.convert(mode)


@pytest.mark.parametrize(("sample", "mode", "kernels"), other_sets())
def test_converted_model_under_other_kernels(sample: Sample, mode: Mode, kernels: str) -> None:
    """Either everything matches, or the interpreter says what is not known and gives no number."""
    model = load(converted(sample, mode))
    details = Interpreter(model).get_input_details()
    for seed in range(DRAWS):
        inputs = stored(sample.feeds(seed), details)
        if is_unknown(sample.name, mode, kernels):
            with pytest.raises(UnsupportedError, match="is not known"):
                Interpreter(model, kernels=kernels).run(inputs)
            continue
        assert sum(compare_graph(model, inputs, kernels, sample.invocations)) > 0

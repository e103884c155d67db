"""Every mode on every whole model: equal to the converter's file, and counted for docs/converter.md.

`make conformance` runs all of it and writes what it compared to docs/converter.json; a default test holds the page
against that file.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from qcore.errors import QuantizationError, UnsupportedError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer import converter
from tests.quantizer.fake_quant.keras_graphs import FrozenGraph
from tests.quantizer.fake_quant.step_by_step import check_same_file, compare
from tests.quantizer.int16x8 import converter as int16x8
from tests.quantizer.int16x8.test_real_models import (
    APPLICATIONS,
    DENIED,
    PARTLY_QUANTIZED,
    application,
    application_network,
    with_own_biases,
)
from tests.quantizer.recurrent import fused_lstm
from tests.quantizer.test_real_models import KERAS, REAL, model, network
from tests.quantizer.weights import oracle as weights
from tools.converter_table import COUNTS, FROM_RANGES, PAGE, TRAINED, page

LSTM = "tf_keras_lstm"
MODELS = [*REAL, *KERAS, *APPLICATIONS, LSTM]
TRAINED_MODELS = [*KERAS, *APPLICATIONS, LSTM]
INT8 = {"inference_input_type": "int8", "inference_output_type": "int8"}
UINT8 = {"inference_input_type": "uint8", "inference_output_type": "uint8"}
INT16 = {"inference_input_type": "int16", "inference_output_type": "int16"}


def full_integer(source: Model, name: str, **recipe: Any) -> Model | None:
    return converter.check(source, **recipe)


def wide(source: Model, name: str, **recipe: Any) -> Model | None:
    if name == PARTLY_QUANTIZED:
        return None
    if name == LSTM:
        does_not_load(source, **recipe)
        return None
    denied = DENIED.get(name, {})
    if name in APPLICATIONS:
        codes = {operator.name for operator in source.main.operators}
        denied = {"denylisted_ops": sorted(codes & {"HARD_SWISH", "SQUARED_DIFFERENCE"})}
        source = with_own_biases(source)
    return int16x8.check(source, **recipe, **denied)


def does_not_load(source: Model, **recipe: Any) -> None:
    """TensorFlow refuses an LSTM, or writes one that no runtime takes; ours stays in float, where that is possible."""
    if "inference_input_type" in recipe:
        with pytest.raises(RuntimeError):
            int16x8.converted(source, **recipe)
        with pytest.raises(QuantizationError, match="leave that type at float32"):
            quantize(source, "int16x8", **recipe)
        return
    theirs, ours = int16x8.converted(source, **recipe), quantize(source, "int16x8", **recipe)
    with pytest.raises(RuntimeError, match="output_state != nullptr"):
        oracle.interpreter(to_bytes(theirs)).allocate_tensors()
    kept = [op.outputs[0] for op in ours.main.operators if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert [ours.main.tensors[tensor].type.name for tensor in kept] == ["FLOAT32"] * 2
    assert int16x8.run_equal(ours) == 0  # nothing behind an operator in float is compared, but all of it runs


def weights_only(scheme: str) -> Callable[..., Model | None]:
    def check(source: Model, name: str, **recipe: Any) -> Model | None:
        if name == LSTM:
            variant = "per tensor" if recipe else scheme
            return quantize(weights.check_with_converter(fused_lstm, [variant]), scheme, **recipe)
        return weights.check(source, [scheme], **recipe)[scheme]

    return check


MODES: dict[str, tuple[Callable[..., Model | None], dict[str, Any]]] = {
    "int8, float32 IO": (full_integer, {}),
    "int8, int8 IO": (full_integer, INT8),
    "int8, uint8 IO": (full_integer, UINT8),
    "int8, per tensor": (full_integer, {"per_channel": False}),
    "int16x8, float32 IO": (wide, {}),
    "int16x8, int16 IO": (wide, INT16),
    "int16x8, int32 biases": (wide, {"bias_type": "int32"}),
    "float16": (weights_only("float16"), {}),
    "dynamic_range": (weights_only("dynamic_range"), {}),
    "dynamic_range, per tensor": (weights_only("dynamic_range"), {"per_channel": False}),
}


@functools.cache
def fused_lstm_model() -> Model:
    return converter.calibrated(fused_lstm().convert())


@pytest.mark.conformance
@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_converter(name: str, mode: str) -> None:
    oracle.tensorflow()
    check, recipe = MODES[mode]
    source = application(name) if name in APPLICATIONS else fused_lstm_model() if name == LSTM else model(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = check(source, name, **recipe)
    record(FROM_RANGES, name, mode, made)


# Fake quantization ----------------------------------------------------------------------------------------------------

Counts = dict[str, int]


@functools.lru_cache(maxsize=4)
def frozen(name: str, trained: bool, per_channel: bool) -> FrozenGraph:
    if trained:
        return frozen(name, trained=False, per_channel=True).fake_quantized(per_channel=per_channel)
    return FrozenGraph.of(application_network(name) if name in APPLICATIONS else network(name))


@functools.lru_cache(maxsize=2)
def floats(name: str) -> Model:
    """The float file of a trained model, with its pairs of QUANTIZE and DEQUANTIZE."""
    return frozen(name, trained=True, per_channel=True).converted(quantized=False)


def compared(ours: Model, theirs: Model) -> tuple[Model, Counts]:
    """The model, and how much of its biases is off for a known reason; an assertion that nothing else is."""
    ours = load(to_bytes(ours))
    found = compare(ours, theirs)
    assert not found.differences, "\n".join(found.differences[:10])
    kinds = ("bias_scales", "inexact", "inexact_biases", "alone")
    return ours, {kind: getattr(found, kind) for kind in kinds}


def qat(name: str, **types: Any) -> tuple[Model, Counts] | None:
    """From the float file, what the converter makes of the graph in which training left it."""
    if name == LSTM:
        refuses_fused_lstm()
        return None
    inputs, outputs = (types.get(f"inference_{end}_type", "float32") for end in ("input", "output"))
    theirs = frozen(name, trained=True, per_channel=True).converted(quantized=True, inputs=inputs, outputs=outputs)
    return compared(quantize(floats(name), "qat", **types), theirs)


def same_file(name: str) -> tuple[Model, Counts] | None:
    if name == LSTM:
        refuses_fused_lstm()
        return None
    return check_same_file(floats(name)), {}


def tensorflow_1(name: str, type_: str, trained: bool) -> tuple[Model, Counts] | None:
    graph = frozen(name, trained=trained, per_channel=type_ == "int8")
    source = graph.tensorflow_1()
    (start,) = (source.main.tensors[tensor].name for tensor in source.main.inputs)
    given: dict[str, Any] = {"quantized_input_stats": {start: (100.3, 40.0)}}
    if not trained:
        given["default_ranges_stats"] = (-1.5, 6.0)
    theirs = graph.tensorflow_1(type_, **given)
    try:
        ours = quantize(source, f"tf1_{type_}", **given)
    except UnsupportedError:
        with pytest.raises((RuntimeError, ValueError)):
            oracle.interpreter(to_bytes(theirs), kernels="optimized").allocate_tensors()
        return None
    return compared(ours, theirs)


@functools.cache
def refuses_fused_lstm() -> None:
    """Neither TensorFlow nor we quantize an LSTM trained so: nothing says the ranges inside."""
    tensorflow = oracle.tensorflow()
    source = load(fused_lstm(trained=True).convert())
    with pytest.raises(QuantizationError, match=r"LSTM has 0 intermediate tensors.*fake quantization gives none"):
        quantize(source, "qat")
    refused = fused_lstm(trained=True)
    refused.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    with pytest.raises(Exception, match="cannot duplicate the value"):
        refused.convert()
    with pytest.raises(RuntimeError, match="num_intermediate_tensors == 5"):
        oracle.interpreter(to_bytes(converter.converted(source))).allocate_tensors()


TRAINED_MODES: dict[str, Callable[[str], tuple[Model, Counts] | None]] = {
    "qat, float32 IO": qat,
    "qat, int8 IO": functools.partial(qat, **INT8),
    "qat, uint8 IO": functools.partial(qat, **UINT8),
    "qat, of one file": same_file,
    "tf1_uint8, trained": functools.partial(tensorflow_1, type_="uint8", trained=True),
    "tf1_uint8, default range": functools.partial(tensorflow_1, type_="uint8", trained=False),
    "tf1_int8, trained": functools.partial(tensorflow_1, type_="int8", trained=True),
    "tf1_int8, default range": functools.partial(tensorflow_1, type_="int8", trained=False),
}
ASKED = [
    (name, mode) for name in TRAINED_MODELS for mode in TRAINED_MODES if name != LSTM or not mode.startswith("tf1")
]
"""TensorFlow 1 knows no fused LSTM."""


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "mode"), ASKED)
def test_equals_the_converter_of_a_trained_model(name: str, mode: str) -> None:
    oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = TRAINED_MODES[mode](name)
    record(TRAINED, name, mode, *(made or (None,)))


@pytest.mark.parametrize("mode", list(TRAINED_MODES))
def test_a_small_trained_model(mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert TRAINED_MODES[mode]("mobile_net") is not None


def record(part: str, name: str, mode: str, made: Model | None, more: Counts | None = None) -> None:
    """Count what was compared; None where the converter refuses the model, and so do we."""
    table = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.exists() else {}
    counted = made and {
        "tensors": sum(len(graph.tensors) for graph in made.subgraphs),
        "operators": sum(len(graph.operators) for graph in made.subgraphs),
        "bytes": sum(data.nbytes for data in made.buffers if data is not None),
        **(more or {}),
    }
    table.setdefault(part, {}).setdefault(name, {})[mode] = counted
    COUNTS.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(table), encoding="utf-8")


def test_the_page_shows_what_was_counted() -> None:
    table = json.loads(COUNTS.read_text(encoding="utf-8"))
    asked = {FROM_RANGES: {(name, mode) for name in MODELS for mode in MODES}, TRAINED: set(ASKED)}
    assert {part: {(name, mode) for name in rows for mode in rows[name]} for part, rows in table.items()} == asked
    assert PAGE.read_text(encoding="utf-8") == page(table)

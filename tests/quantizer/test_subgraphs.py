"""Models of several graphs: loops, branches, variables, signatures; calibrated and quantized as TensorFlow does."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter
from qcore.calibration import Calibration
from qcore.calibrator import calibrate
from qcore.intermediates import with_intermediates
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.converted import ZOO
from tests.quantizer.comparison import differences
from tests.quantizer.converter import FloatGraph, check, with_ranges
from tests.quantizer.recurrent import FORMS, dense, lstm, neg
from tests.test_calibrator import RELATIVE, assert_equal, theirs
from tflite_schema import (
    AddOptions,
    IfOptions,
    SignatureDef,
    TensorMap,
    TensorType,
    WhileOptions,
)

Array = NDArray[Any]
VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "int8": {"inference_input_type": "int8", "inference_output_type": "int8"},
    "int8 to float32": {"inference_input_type": "int8"},
    "float32 to uint8": {"inference_output_type": "uint8"},
}
X = (2, 3)


# Made by hand ---------------------------------------------------------------------------------------------------------


def loop(*, before: bool = False, after: bool = False, integer_body: bool = True) -> Model:
    """Three times x = x W + b, or x = -x; with a layer before it, or one behind."""
    main = FloatGraph(1)
    count, x = main.input((), np.int32), main.input(X)
    x = dense(main, x, 3) if before else x
    condition = FloatGraph(5, name="condition", inside=main)
    i, _ = condition.input((), np.int32), condition.input(X)
    test = condition.finished(condition.op("LESS", [i, condition.constant(3, np.int32)], (), dtype=np.bool_))
    body = FloatGraph(6, name="body", inside=main)
    i, y = body.input((), np.int32), body.input(X)
    i = body.op("ADD", [i, body.constant(1, np.int32)], (), options=AddOptions(), dtype=np.int32)
    step = body.finished(i, dense(body, y, 3) if integer_body else neg(body, y))
    options = WhileOptions(cond_subgraph_index=test, body_subgraph_index=step)
    counted, y = main.op("WHILE", [count, x], (), X, options=options)
    main.graph.tensors[counted].type, main.graph.tensors[counted].quant = TensorType.INT32, None
    return main.model(main.op("ABS", [y], X) if after else y)


def branches(*, before: bool = False, after: bool = False) -> Model:
    main = FloatGraph(1)
    choice, x = main.input((), np.bool_), main.input(X)
    x = dense(main, x, 3) if before else x
    then, other = (FloatGraph(seed, name=name, inside=main) for seed, name in ((5, "then"), (6, "else")))
    first = then.finished(dense(then, then.input(X), 4))
    second = other.finished(dense(other, neg(other, other.input(X)), 4))
    options = IfOptions(then_subgraph_index=first, else_subgraph_index=second)
    y = main.op("IF", [choice, x], (2, 4), options=options)
    return main.model(dense(main, y, 2) if after else y)


def branches_with_states() -> Model:
    main = FloatGraph(1)
    choice, x = main.input((), np.bool_), main.input((1, 3, 5))
    then, other = (FloatGraph(seed, name=name, inside=main) for seed, name in ((5, "then"), (6, "else")))
    first, second = (g.finished(lstm(g, g.input((1, 3, 5)), FORMS["plain"])) for g in (then, other))
    options = IfOptions(then_subgraph_index=first, else_subgraph_index=second)
    return main.model(main.op("IF", [choice, x], (1, 3, 5), options=options))


def recurrent_body() -> Model:
    """An LSTM whose state lives in the graph of a loop's body."""
    main = FloatGraph(1)
    count, x = main.input((), np.int32), main.input((1, 3, 5))
    condition = FloatGraph(5, name="condition", inside=main)
    i, _ = condition.input((), np.int32), condition.input((1, 3, 5))
    test = condition.finished(condition.op("LESS", [i, condition.constant(3, np.int32)], (), dtype=np.bool_))
    body = FloatGraph(6, name="body", inside=main)
    i, y = body.input((), np.int32), body.input((1, 3, 5))
    i = body.op("ADD", [i, body.constant(1, np.int32)], (), options=AddOptions(), dtype=np.int32)
    step = body.finished(i, lstm(body, y, FORMS["plain"]))
    options = WhileOptions(cond_subgraph_index=test, body_subgraph_index=step)
    counted, y = main.op("WHILE", [count, x], (), (1, 3, 5), options=options)
    main.graph.tensors[counted].type, main.graph.tensors[counted].quant = TensorType.INT32, None
    return main.model(y)


def two_signatures() -> Model:
    first = FloatGraph(1)
    x = first.input(X)
    y = dense(first, x, 4)
    second = FloatGraph(6, name="second", inside=first)
    u = second.input(X)
    v = second.op("ABS", [dense(second, neg(second, u), 4)], (2, 4))
    second.finished(v)
    model = first.model(y)

    def signature(key: str, number: int, source: int, result: int) -> SignatureDef:
        inputs, outputs = [TensorMap(name="x", tensor_index=source)], [TensorMap(name="y", tensor_index=result)]
        return SignatureDef(signature_key=key, subgraph_index=number, inputs=inputs, outputs=outputs)

    model.signatures = [signature("a", 0, x, y), signature("b", 1, u, v)]
    return load(to_bytes(model))


HAND_MADE: dict[str, Callable[[], Model]] = {
    "loop": loop,
    "loop of float": functools.partial(loop, integer_body=False),
    "loop between layers": functools.partial(loop, before=True, after=True),
    "branches": branches,
    "branches between layers": functools.partial(branches, before=True, after=True),
    "branches with states": branches_with_states,
    "recurrent body": recurrent_body,
    "two signatures": two_signatures,
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_models_equal_the_converters(name: str, variant: str) -> None:
    """Only the graphs that are run from outside have integers at their border; the inputs of others are renamed."""
    check(HAND_MADE[name](), **VARIANTS[variant])


def test_the_main_graph_is_called_main() -> None:
    graph = FloatGraph(name="another")
    ours = check(graph.model(graph.op("ABS", [graph.input(X)], X)))
    assert ours is not None
    assert ours.main.name == "main"


# Ranges of every graph ------------------------------------------------------------------------------------------------


def without_ranges(model: Model) -> Model:
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.quant = None
    return load(to_bytes(model))


def samples_of(model: Model, name: str) -> list[list[Array]]:
    """A counter or a choice, and an input."""
    rng = np.random.default_rng(2)
    first = [np.array(n == 1) if name.startswith("branches") else np.array(n, np.int32) for n in (0, 1, 2)]
    return [[value, rng.normal(size=model.main.tensors[1].shape).astype(np.float32)] for value in first]


WITH_STATE = ["recurrent body", "branches with states"]


@pytest.mark.parametrize("name", ["loop between layers", "branches between layers", *WITH_STATE])
def test_ranges_are_those_of_tflite(name: str) -> None:
    model = without_ranges(HAND_MADE[name]())
    samples = samples_of(model, name)
    ours, reference = dict(calibrate(model, samples).statistics), theirs(to_bytes(model), samples)
    assert {graph for graph, _ in ours} > {0}
    assert_equal(with_intermediates(model), ours, reference, RELATIVE)


@pytest.mark.parametrize("name", WITH_STATE)
def test_a_state_lasts_as_long_as_the_operator_that_runs_its_graph(name: str) -> None:
    content = to_bytes(without_ranges(HAND_MADE[name]()))
    mine, reference = Interpreter(content), oracle.interpreter(content)
    reference.allocate_tensors()
    for feeds in samples_of(load(content), name) * 2:
        for detail, value in zip(reference.get_input_details(), feeds, strict=True):
            reference.set_tensor(detail["index"], value)
        reference.invoke()
        expected = reference.get_tensor(reference.get_output_details()[0]["index"])
        np.testing.assert_allclose(mine.run(feeds)[0], expected, rtol=1e-5, atol=1e-6)


# Made by the converter ------------------------------------------------------------------------------------------------

QUICK = ["lstm", "running_total", "nested_loops"]
"""The LSTM of Keras 3, whose loop ends TFLite's own calibrator; resource variables; loops and branches in loops."""
LONG = ["stacked_lstm", "bidirectional_gru", "words_through_lstm", "convolutional_lstm", "hand_written_scan"]
LONG += ["branches", "branches_of_branches", "counted_loop", "tensor_array", "signature_decode"]
LEGACY = ["fused_lstm", "fused_sequences", "fused_bidirectional", "legacy_gru"]


def from_zoo(name: str) -> tuple[Model, Calibration]:
    """A float model made by the converter, and the ranges we observe on every signature it has."""
    for zoo in ("zoo_recurrent", "zoo_control"):
        importlib.import_module(f"tests.converted.{zoo}")
    model = load(ZOO[name].convert("float32"))
    samples: list[Any] = [ZOO[name].feeds(seed) for seed in range(1000, 1004)]
    if ZOO[name].signature:
        samples = [
            (key, dict(zip((entry.name for entry in signature.inputs or []), sample, strict=True)))
            for signature in model.signatures
            for key in [signature.signature_key or ""]
            for sample in [ZOO[f"signature_{key}"].feeds(seed) for seed in range(1000, 1004)]
        ]
    return model, calibrate(model, samples)


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.conformance) for name in LONG)])
def test_converted_models_equal_the_converters(name: str) -> None:
    model, calibration = from_zoo(name)
    assert {graph for graph, _ in calibration.statistics} > {0} or name == "running_total"
    check(with_ranges(model, calibration), attempts=30)
    assert not differences(quantize(model, "int8", calibration), quantize(with_ranges(model, calibration)))


@pytest.mark.parametrize("name", ["lstm", "nested_loops"])
def test_quantized_loops_run_as_in_tflite(name: str) -> None:
    model, calibration = from_zoo(name)
    content = to_bytes(quantize(model, "int8", calibration))
    for seed in range(3):
        feeds = ZOO[name].feeds(seed)
        for mine, reference in zip(Interpreter(content).run(feeds), oracle.outputs(content, feeds), strict=True):
            np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [LEGACY[1], *(pytest.param(name, marks=pytest.mark.conformance) for name in LEGACY)])
def test_fused_operators_of_keras_2(name: str) -> None:
    pytest.importorskip("tf_keras", reason="tf_keras, which makes fused LSTMs, is not installed")
    model, calibration = from_zoo(name)
    check(with_ranges(model, calibration))

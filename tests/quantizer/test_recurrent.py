"""Recurrent operators in int8: every field equals the converter's, and TFLite runs the file with our integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter
from qcore.calibration import Calibration
from qcore.errors import CalibrationError, QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.quantizer.full_integer.plan import make_plan
from qcore.quantizer.full_integer.ranges import types_from_ranges
from qcore.quantizer.recipe import RECIPES
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph, check, converted
from tests.quantizer.recurrent import (
    FORMS,
    INT8,
    Form,
    dense,
    drawn_network,
    lstm,
    neg,
    rnn,
    set_range,
    stack,
    svdf,
)
from tflite_schema import (
    SoftmaxOptions,
)

Array = NDArray[Any]
X = (1, 3, 4)
PLAIN, ALL = FORMS["plain"], FORMS["all"]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_equals_the_converters(name: str, layers: int) -> None:
    ours = check(stack(FORMS[name], layers))
    assert ours is not None
    assert [op.name for op in ours.main.operators].count("DEQUANTIZE") == 1


@pytest.mark.parametrize("form", [PLAIN, ALL], ids=["plain", "all"])
@pytest.mark.parametrize(
    "variant", [INT8, {"inference_input_type": "uint8"}, {"per_channel": False}], ids=["int8", "uint8", "per tensor"]
)
def test_variants(form: Form, variant: dict[str, Any]) -> None:
    check(stack(form, 2), **variant)


# Graphs around them ---------------------------------------------------------------------------------------------------


def between_dense_layers(g: FloatGraph) -> list[int]:
    x = dense(g, lstm(g, dense(g, g.input(X), 4), PLAIN), 3)
    return [dense(g, lstm(g, x, ALL), 2)]


def after_softmax(g: FloatGraph) -> list[int]:
    return [lstm(g, g.op("SOFTMAX", [g.input(X)], X, options=SoftmaxOptions(beta=1.0)), PLAIN)]


def after_float(g: FloatGraph) -> list[int]:
    x = neg(g, g.input(X))
    return [lstm(g, x, PLAIN), g.op("ABS", [x], X), neg(g, x), x]


def after_integer(g: FloatGraph) -> list[int]:
    x = g.op("ABS", [g.input(X)], X)
    return [lstm(g, x, PLAIN), neg(g, x), x]


def reshaped(g: FloatGraph) -> list[int]:
    x = g.op("RESHAPE", [neg(g, g.input(X)), g.constant([3, 1, 4], np.int32)], (3, 1, 4))
    return [g.op("RESHAPE", [lstm(g, x, PLAIN), g.constant([3, 5], np.int32)], (3, 5))]


def two_readers(g: FloatGraph) -> list[int]:
    y = lstm(g, g.input(X), PLAIN)
    return [g.op("ABS", [y], g.shape(y)), neg(g, y)]


def input_read_by_others(g: FloatGraph) -> list[int]:
    x = g.input(X)
    return [lstm(g, x, PLAIN), neg(g, x), g.op("ABS", [x], X), x]


def two_of_one_input(g: FloatGraph) -> list[int]:
    x = g.input(X)
    return [lstm(g, x, PLAIN), lstm(g, x, ALL)]


def unused(g: FloatGraph) -> list[int]:
    x = g.op("ABS", [g.input(X)], X)
    lstm(g, x, PLAIN)
    return [x]


def svdf_stack(g: FloatGraph) -> list[int]:
    return [svdf(g, svdf(g, g.input((2, 4))), bias=False)]


AROUND: dict[str, Callable[[FloatGraph], list[int]]] = {
    f.__name__: f
    for f in (
        between_dense_layers,
        after_softmax,
        after_float,
        after_integer,
        reshaped,
        two_readers,
        input_read_by_others,
        two_of_one_input,
        unused,
        svdf_stack,
    )
}
KEPT = {"denylisted_ops": ["UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF"]}


@pytest.mark.parametrize("variant", [{}, INT8, KEPT, {**KEPT, **INT8}], ids=["float32", "int8", "kept", "kept int8"])
@pytest.mark.parametrize("name", AROUND)
def test_graphs_around_them(name: str, variant: dict[str, Any]) -> None:
    """Kept in float, they leave a trace: their input is quantized and dequantized, as in the converter's file."""
    graph = FloatGraph(3)
    if variant.get("denylisted_ops") and name != "svdf_stack":
        variant = {**variant, "denylisted_ops": ["UNIDIRECTIONAL_SEQUENCE_LSTM"]}
    check(graph.model(*AROUND[name](graph)), **variant)


# Values at the edge ---------------------------------------------------------------------------------------------------


def with_values(model: Model, positions: Sequence[int], value: float | None) -> Model:
    """Operands of operator 0 with one value in all elements; or, for None, all equal to the first operand given."""
    tensors = [model.main.tensors[model.main.operators[0].inputs[position]] for position in positions]
    for tensor in tensors:
        if value is None:
            tensor.buffer = tensors[0].buffer
        else:
            tensor.buffer = model.add_buffer(np.full(tensor.shape, value, np.float32))
    return load(to_bytes(model))


@pytest.mark.parametrize("value", [0.0, 1e-8, 1e6])
@pytest.mark.parametrize("position", [2, 7, 9, 13, 16, 17, 21])
def test_constants_without_spread(position: int, value: float) -> None:
    check(with_values(stack(ALL, 1), [position], value))


@pytest.mark.parametrize("positions", [(2, 3, 4), (6, 8), (9, 10), (20, 21, 23), (11, 15, 22), (13, 14)])
def test_equal_constants(positions: tuple[int, ...]) -> None:
    check(with_values(stack(ALL, 1), positions, None))
    check(with_values(stack(ALL, 1), positions, 0.0))


@pytest.mark.parametrize("stacked", [False, True])
def test_constants_of_two_operators(stacked: bool) -> None:
    graph = FloatGraph(3)
    x = graph.input((1, 3, 5))
    y = lstm(graph, x, PLAIN)
    z = lstm(graph, y if stacked else x, PLAIN)
    first, second = graph.graph.operators
    second.inputs = (
        *second.inputs[:1],
        *first.inputs[1:6],
        *second.inputs[6:12],
        *first.inputs[12:18],
        *second.inputs[18:],
    )
    check(graph.model(z) if stacked else graph.model(y, z))


@pytest.mark.parametrize("bounds", [(-1e-8, 1e-7), (0.5, 0.7), (0, 1.1754944e-38)])
@pytest.mark.parametrize("form", [PLAIN, ALL], ids=["plain", "all"])
def test_narrow_and_one_sided_ranges(form: Form, bounds: tuple[float, float]) -> None:
    for place in ("input", "result", "output state", "cell state", "gate", "hidden", "all"):
        model = stack(form, 1, seed=2)
        operator = model.main.operators[0]
        places = {
            "input": operator.inputs[0],
            "result": operator.outputs[0],
            "output state": operator.inputs[18],
            "cell state": operator.inputs[19],
            "gate": operator.intermediates[1],
            "hidden": operator.intermediates[4],
        }
        for tensor in places.values() if place == "all" else [places[place]]:
            set_range(model, tensor, *bounds)
        check(model)


@pytest.mark.parametrize(("position", "value"), [(1, 0.0), (1, 1e-8), (2, 1e-8), (2, 4e-7), (2, 100.0), (3, 0.0)])
def test_svdf_constants_without_spread(position: int, value: float) -> None:
    graph = FloatGraph(1)
    check(with_values(graph.model(svdf(graph, graph.input((2, 4)))), [position], value))


@pytest.mark.parametrize("bounds", [(0, 1e-7), (0.5, 0.7), (-0.7, -0.5), (0, 1.1754944e-38), (-5, 3)])
def test_svdf_ranges(bounds: tuple[float, float]) -> None:
    for position in (0, 4):
        graph = FloatGraph(1)
        model = graph.model(svdf(graph, graph.input((2, 4))))
        set_range(model, model.main.operators[0].inputs[position], *bounds)
        check(model)


def test_svdf_time_weights_of_zeros_keep_an_int16_state() -> None:
    """The converter's has an int8 state, which TFLite's kernel takes for int16."""
    graph = FloatGraph(1)
    model = with_values(graph.model(svdf(graph, graph.input((2, 4)))), [2], 0.0)
    assert [t.type.name for t in converted(model).main.tensors if t.is_variable] == ["INT8"]
    ours = quantize(model)
    assert [t.type.name for t in ours.main.tensors if t.is_variable] == ["INT16"]
    x = [np.ones((2, 4), np.float32)]
    np.testing.assert_array_equal(Interpreter(ours).run(x[0])[0], oracle.outputs(to_bytes(ours), x)[0])


# What is refused, what stays in float ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "place", "name"),
    [
        (PLAIN, lambda op: op.inputs[18], "state13"),
        (PLAIN, lambda op: op.inputs[19], "state14"),
        (PLAIN, lambda op: op.intermediates[4], "intermediate_0_4"),
        (ALL, lambda op: op.intermediates[2], "intermediate_0_2"),
    ],
)
def test_ranges_that_are_missing(form: Form, place: Callable[[Any], int], name: str) -> None:
    """The converter takes a state's range from an arbitrary value, and leaves the intermediate tensors without one."""
    model = stack(form, 1)
    model.main.tensors[place(model.main.operators[0])].quant = None
    with pytest.raises(CalibrationError, match=f"operator 0 UNIDIRECTIONAL_SEQUENCE_LSTM needs the range of .*{name}"):
        quantize(model)
    assert quantize(model, denylisted_ops=["UNIDIRECTIONAL_SEQUENCE_LSTM"])


def test_twelve_intermediate_tensors() -> None:
    graph = FloatGraph()
    model = graph.model(lstm(graph, graph.input((2, 4)), Form(single_step=True, intermediates=12)))
    with pytest.raises(QuantizationError, match="LSTM has 12 intermediate tensors, expected 5; leave them all out"):
        quantize(model)


@pytest.mark.parametrize(
    "name", ["RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM", "basic"]
)
def test_others_stay_in_float(name: str) -> None:
    """The converter refuses RNN and BIDIRECTIONAL_SEQUENCE_RNN, and crashes on BIDIRECTIONAL_SEQUENCE_LSTM."""
    graph = FloatGraph(1)
    model = graph.model(*rnn(graph, name))
    ours = quantize(model)
    assert [op.name for op in ours.main.operators] == [op.name for op in model.main.operators]
    x = [np.random.default_rng(0).normal(size=model.main.tensors[0].shape).astype(np.float32)]
    for mine, reference in zip(oracle.outputs(to_bytes(ours), x), oracle.outputs(to_bytes(model), x), strict=True):
        np.testing.assert_array_equal(mine, reference)


@pytest.mark.parametrize("name", ["UNIDIRECTIONAL_SEQUENCE_RNN", "basic"])
def test_what_the_converter_makes_of_others_does_not_run(name: str) -> None:
    graph = FloatGraph(1)
    model = graph.model(*rnn(graph, name))
    with pytest.raises((RuntimeError, ValueError)):
        oracle.outputs(to_bytes(converted(model)), [np.ones(model.main.tensors[0].shape, np.float32)])


# Drawn at random ------------------------------------------------------------------------------------------------------


def is_lost(model: Model) -> bool:
    """Whether a recurrent operator reads what another was to give its scale: test_an_input_without_its_own_range."""
    plan = make_plan(model, 0, RECIPES["int8"])
    own = types_from_ranges(plan, Calibration.from_model(model).ranges())
    for operator, rules in zip(plan.graph.operators, plan.rules, strict=True):
        maker = plan.producers.get(operator.inputs[0])
        same_scale = maker is not None and plan.rules[maker].same_scale
        if rules.stateful and operator.inputs[0] not in own and not same_scale:
            return True
    return False


SEEDS = [*range(8), *(pytest.param(seed, marks=pytest.mark.conformance) for seed in range(8, 300))]


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_networks(seed: int) -> None:
    variants: list[dict[str, Any]] = [
        {},
        INT8,
        {"inference_output_type": "uint8"},
        {"denylisted_ops": ["FULLY_CONNECTED"]},
    ]
    model = drawn_network(seed)
    if is_lost(model):
        assert quantize(model)
    else:
        check(model, **variants[seed % len(variants)])

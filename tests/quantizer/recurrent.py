"""Recurrent operators for `FloatGraph`: LSTMs in all forms, RNNs and SVDF; networks of them, drawn at random."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from qcore.ir import Model, QuantParams
from tests import oracle
from tests.quantizer.converter import FloatGraph
from tflite_schema import (
    ActivationFunctionType,
    BidirectionalSequenceLSTMOptions,
    BidirectionalSequenceRNNOptions,
    ConcatenationOptions,
    FullyConnectedOptions,
    LSTMKernelType,
    LSTMOptions,
    NegOptions,
    RNNOptions,
    SequenceRNNOptions,
    SoftmaxOptions,
    SVDFOptions,
    UnidirectionalSequenceLSTMOptions,
)

__all__ = [
    "FORMS",
    "INT8",
    "Form",
    "backwards",
    "dense",
    "drawn_network",
    "fused_lstm",
    "lstm",
    "neg",
    "rnn",
    "set_range",
    "side_by_side",
    "stack",
    "svdf",
]

INT8 = {"inference_input_type": "int8", "inference_output_type": "int8"}

_TANH = ActivationFunctionType.TANH


@dataclass(frozen=True)
class Form:
    """Sizes and optional parts of an LSTM. outputs counts only with a projection."""

    units: int = 5
    outputs: int = 3
    cifg: bool = False
    peephole: bool = False
    projection: bool = False
    projection_bias: bool = False
    layer_norm: bool = False
    time_major: bool = False
    single_step: bool = False  # LSTM, which takes one step, in place of UNIDIRECTIONAL_SEQUENCE_LSTM
    intermediates: int = 5
    clips: tuple[float, float] = field(default=(0.0, 0.0))


FORMS: dict[str, Form] = {
    "plain": Form(),
    "time major": Form(time_major=True),
    "cifg": Form(cifg=True),
    "peephole": Form(peephole=True),
    "projection": Form(projection=True),
    "projection bias": Form(projection=True, projection_bias=True),
    "layer norm": Form(layer_norm=True),
    "cifg peephole clips": Form(cifg=True, peephole=True, clips=(0.5, 0.25)),
    "cifg layer norm": Form(cifg=True, layer_norm=True, units=7),
    "all": Form(peephole=True, projection=True, projection_bias=True, layer_norm=True),
    "all but input gate": Form(cifg=True, peephole=True, projection=True, projection_bias=True, layer_norm=True),
    "layer norm projection": Form(projection=True, layer_norm=True, clips=(1.0, 0.5)),
    "peephole projection": Form(peephole=True, projection=True),
    "peephole layer norm": Form(peephole=True, layer_norm=True),
    "single step": Form(single_step=True),
    "single step, all": Form(peephole=True, projection=True, projection_bias=True, layer_norm=True, single_step=True),
}


def lstm(graph: FloatGraph, x: int, form: Form) -> Any:
    """An LSTM over x [batch, time, inputs], [time, batch, inputs] or [batch, inputs]; its result."""
    shape = graph.shape(x)
    batch = shape[1] if form.time_major and not form.single_step else shape[0]
    units, outputs = form.units, form.outputs if form.projection else form.units
    gates = [not form.cifg, True, True, True]

    def vectors(there: bool, places: tuple[int, ...] = (0, 1, 2, 3)) -> list[int]:
        return [graph.random(units, spread=0.5) if there and gates[i] else -1 for i in places]

    operands = [
        x,
        *[graph.random(units, shape[-1], spread=0.5) if gate else -1 for gate in gates],
        *[graph.random(units, outputs, spread=0.5) if gate else -1 for gate in gates],
        *vectors(form.peephole, (0, 1, 3)),
        *vectors(there=True),
        graph.random(outputs, units) if form.projection else -1,
        graph.random(outputs) if form.projection_bias else -1,
        graph.state(batch, outputs),
        graph.state(batch, units),
        *vectors(form.layer_norm),
    ]
    settings: dict[str, Any] = {
        "fused_activation_function": _TANH,
        "cell_clip": form.clips[0],
        "proj_clip": form.clips[1],
    }
    options: Any = LSTMOptions(**settings)
    if not form.single_step:
        options = UnidirectionalSequenceLSTMOptions(**settings, time_major=form.time_major)
    name = "LSTM" if form.single_step else "UNIDIRECTIONAL_SEQUENCE_LSTM"
    result = (*shape[:-1], outputs)
    return graph.op(name, operands, result, options=options, intermediates=form.intermediates)


def svdf(graph: FloatGraph, x: int, units: int = 3, rank: int = 2, memory: int = 4, *, bias: bool = True) -> Any:
    """An SVDF over x [batch, inputs]; its result."""
    batch, inputs = graph.shape(x)
    operands = [
        x,
        graph.random(units * rank, inputs),
        graph.random(units * rank, memory),
        graph.random(units) if bias else -1,
        graph.state(batch, units * rank * memory),
    ]
    options = SVDFOptions(rank=rank, fused_activation_function=ActivationFunctionType.RELU)
    return graph.op("SVDF", operands, (batch, units), options=options)


def rnn(graph: FloatGraph, name: str, units: int = 3) -> list[int]:
    """One of the recurrent operators that no quantizer touches, "basic" for the basic LSTM kernel; its results."""
    if name == "basic":
        x = graph.input((2, 4))
        operands = [x, graph.state(2, units), graph.random(4 * units, 4 + units), graph.random(4 * units)]
        basic = LSTMOptions(kernel_type=LSTMKernelType.BASIC, fused_activation_function=_TANH)
        shapes = ((2, units), (2, units), (2, 4 + units), (2, 4 * units))
        results: list[int] = graph.op("LSTM", [*operands, graph.state(2, units)], *shapes, options=basic)
        return results

    def cell() -> list[int]:
        if name.endswith("RNN"):
            return [graph.random(units, 4), graph.random(units, units), graph.random(units), graph.state(2, units)]
        weights = [graph.random(units, size) for size in (4,) * 4 + (units,) * 4]
        return [*weights, -1, -1, -1, *[graph.random(units) for _ in range(4)], -1, -1]

    x = graph.input((2, 4) if name == "RNN" else (2, 3, 4))
    result = (*graph.shape(x)[:-1], units)
    if name == "RNN":
        return [graph.op(name, [x, *cell()], result, options=RNNOptions(fused_activation_function=_TANH))]
    if name == "UNIDIRECTIONAL_SEQUENCE_RNN":
        return [graph.op(name, [x, *cell()], result, options=SequenceRNNOptions(fused_activation_function=_TANH))]
    operands = [x, *cell(), *cell()]
    options: Any = BidirectionalSequenceRNNOptions(fused_activation_function=_TANH)
    if name == "BIDIRECTIONAL_SEQUENCE_LSTM":
        options = BidirectionalSequenceLSTMOptions(fused_activation_function=_TANH, time_major=False)
        operands += [graph.state(2, units) for _ in range(4)]
    operands += [-1] * (9 if "LSTM" in name else 3)
    results = graph.op(name, operands, result, result, options=options)
    return list(results)


def shape_for(form: Form) -> tuple[int, ...]:
    return (2, 4) if form.single_step else (3, 2, 4) if form.time_major else (2, 3, 4)


def stack(form: Form, layers: int, seed: int = 1) -> Model:
    graph = FloatGraph(seed)
    y = graph.input(shape_for(form))
    for _ in range(layers):
        y = lstm(graph, y, form)
    return graph.model(y)


def set_range(model: Model, tensor: int, low: float, high: float) -> None:
    minimum, maximum = np.array([low], np.float32), np.array([high], np.float32)
    nothing = np.zeros(0, np.float32), np.zeros(0, np.int64)
    model.main.tensors[tensor].quant = QuantParams(*nothing, 0, minimum, maximum)


def dense(g: FloatGraph, x: int, units: int) -> int:
    shape = g.shape(x)
    options = FullyConnectedOptions(keep_num_dims=True)
    operands = [x, g.random(units, shape[-1]), g.random(units)]
    result: int = g.op("FULLY_CONNECTED", operands, (*shape[:-1], units), options=options)
    return result


def neg(g: FloatGraph, x: int) -> int:
    result: int = g.op("NEG", [x], g.shape(x), options=NegOptions())
    return result


def side_by_side(g: FloatGraph, a: int, b: int) -> int:
    shape = (*g.shape(a)[:-1], g.shape(a)[-1] + g.shape(b)[-1])
    result: int = g.op("CONCATENATION", [a, b], shape, options=ConcatenationOptions(axis=len(shape) - 1))
    return result


def backwards(g: FloatGraph, x: int) -> int:
    result: int = g.op("REVERSE_V2", [x, g.constant([1], np.int32)], g.shape(x))
    return result


def drawn_form(rng: np.random.Generator, *, single_step: bool) -> Form:
    projection, clipped = bool(rng.integers(2)), bool(rng.integers(2))
    units = int(rng.integers(1, 20))
    return Form(
        units=units,
        outputs=int(rng.integers(1, units + 1)),
        cifg=bool(rng.integers(2)),
        peephole=bool(rng.integers(2)),
        projection=projection,
        projection_bias=projection and bool(rng.integers(2)),
        layer_norm=bool(rng.integers(2)),
        time_major=bool(rng.integers(2)),
        single_step=single_step,
        clips=(float(rng.uniform(0.1, 2)), float(rng.uniform(0.1, 2))) if clipped else (0.0, 0.0),
    )


def drawn_network(seed: int) -> Model:
    """Two to five layers over one sequence, of which some are recurrent, and some read what an earlier one wrote."""
    rng = np.random.default_rng(seed)
    graph = FloatGraph(seed)
    shape = tuple(int(n) for n in rng.integers(1, 6, int(rng.integers(2, 4))))
    made = [graph.input(shape)]
    for _ in range(int(rng.integers(2, 6))):
        x = made[-1] if rng.random() < 0.7 else made[int(rng.integers(len(made)))]
        kind = rng.choice(["lstm", "lstm", "lstm", "svdf", "dense", "neg", "softmax", "concatenation", "reverse"])
        if kind == "lstm":
            y = lstm(graph, x, drawn_form(rng, single_step=len(shape) == 2))
        elif kind == "svdf" and len(shape) == 2:
            y = svdf(graph, x, *(int(n) for n in rng.integers(1, 5, 3)), bias=bool(rng.integers(2)))
        elif kind == "neg":
            y = neg(graph, x)
        elif kind == "softmax":
            y = graph.op("SOFTMAX", [x], graph.shape(x), options=SoftmaxOptions(beta=1.0))
        elif kind == "concatenation":
            y = side_by_side(graph, x, made[int(rng.integers(len(made)))])
        elif kind == "reverse" and len(shape) == 3:
            y = backwards(graph, x)
        else:
            y = dense(graph, x, int(rng.integers(1, 8)))
        made.append(y)
    read = {tensor for operator in graph.graph.operators for tensor in operator.inputs}
    return graph.model(*(tensor for tensor in made[1:] if tensor not in read or rng.random() < 0.2))


@functools.cache
def _lstm_network(trained: bool) -> Any:
    tensorflow = oracle.tensorflow()
    layers = pytest.importorskip("tf_keras", reason="tf_keras, whose LSTM is fused, is not installed").layers
    importlib.import_module("tf_keras").utils.set_random_seed(0)

    def q(x: Any, low: float, high: float) -> Any:
        fake_quant = tensorflow.quantization.fake_quant_with_min_max_vars
        return layers.Lambda(lambda y: fake_quant(y, low, high))(x) if trained else x

    start = layers.Input((6, 16), 1)
    x = q(layers.LSTM(40, return_sequences=True)(q(start, -3.0, 3.0)), -1.0, 1.0)
    x = q(layers.LSTM(40)(x), -1.0, 1.0)
    return importlib.import_module("tf_keras").Model(start, q(layers.Dense(3)(x), -2.0, 2.0))


def fused_lstm(*, trained: bool = False) -> Any:
    """TFLiteConverter of two LSTM layers of Keras 2, which it makes one operator each; with fake quantization between.

    Fake quantization inside of a fused operator has no place.
    """
    return oracle.tensorflow().lite.TFLiteConverter.from_keras_model(_lstm_network(trained))

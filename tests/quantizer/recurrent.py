"""Recurrent operators for `FloatGraph`: LSTMs in all forms, RNNs and SVDF."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.quantizer.converter import FloatGraph
from tflite_schema import (
    ActivationFunctionType,
    BidirectionalSequenceLSTMOptions,
    BidirectionalSequenceRNNOptions,
    LSTMKernelType,
    LSTMOptions,
    RNNOptions,
    SequenceRNNOptions,
    SVDFOptions,
    UnidirectionalSequenceLSTMOptions,
)

__all__ = ["FORMS", "Form", "lstm", "rnn", "svdf"]

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

"""Bias scales and zero points."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.finding import Severity
from qcore.ir import Model, QuantParams
from qcore.rules import Bias
from tests.auditor.lint.good import Plant, Plants, Rng, change, digits, finds, found, operands, pick, real
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import BuiltinOperator, Conv2DOptions, FullyConnectedOptions, SVDFOptions, TensorType


def _scale(factor: float) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        _, bias = pick(((n, t) for n, t in operands(model, Bias) if t.value is not None and t.value.any()), rng)
        assert bias.quant is not None
        scale = bias.quant.scale.copy()
        nonzero = np.flatnonzero(bias.value) if scale.size > 1 else [0]
        scale[pick(nonzero, rng)] *= np.float32(factor)
        change(model, bias, scale=scale)

    return plant


def _zero_point(model: Model, rng: Rng) -> None:
    _, bias = pick(operands(model, Bias), rng)
    assert bias.quant is not None
    change(model, bias, zero_point=np.full(bias.quant.scale.size, int(rng.integers(1, 100))))


def _narrow(model: Model, rng: Rng) -> None:
    _, bias = pick(operands(model, Bias), rng)
    assert bias.value is not None
    tensor = model.main.tensors[bias.index]
    tensor.type, tensor.buffer = TensorType.INT32, model.add_buffer(bias.value.astype(np.int32))


PLANTS: Plants = {
    "QL201": [(recipe, _scale(factor)) for recipe in ("int8", "int16x8") for factor in (0.5, 1.01, 1.00001, 256.0)],
    "QL202": [(recipe, _zero_point) for recipe in ("int8", "int16x8")],
    "QL203": [("int16x8", _narrow)],
}


test_a_planted_fault_is_found = finds(PLANTS)


def test_the_evidence_says_by_how_much_and_the_severity_follows() -> None:
    model = digits()
    n, bias = next(operands(model, Bias))
    assert bias.quant is not None
    assert bias.value is not None
    for factor, severity in ((2.0, Severity.ERROR), (1 + 1e-5, Severity.NOTE)):
        change(model, bias, scale=bias.quant.scale * np.float32(factor))
        (finding,) = found(model, "QL201")
        assert finding.severity == severity
        assert finding.place.operator == n.index
        off = np.abs(np.array(finding.evidence["stated"]) - np.array(finding.evidence["expected"]))
        steps = (np.abs(bias.value.astype(np.float64)) * off).max() / float(n.output().scale)
        assert finding.evidence["output_steps"] == pytest.approx(steps)
    change(model, bias, scale=bias.quant.scale * np.float32(2))
    model.buffers[model.main.tensors[bias.index].buffer] = np.zeros(bias.value.nbytes, np.uint8)
    assert found(model, "QL201")[0].severity == Severity.WARNING


def test_the_rounding_of_a_converter_is_no_finding() -> None:
    model = digits()
    for _, bias in list(operands(model, Bias)):
        assert bias.quant is not None
        change(model, bias, scale=np.nextafter(bias.quant.scale, np.float32(np.inf)))
    assert not found(model, "QL201")


def test_a_bias_without_a_scale() -> None:
    model = digits()
    _, bias = next(operands(model, Bias))
    model.main.tensors[bias.index].quant = None
    (finding,) = found(model, "QL201")
    assert finding.severity == Severity.WARNING
    assert "states no scale" in finding.message


def test_an_unsigned_bias_that_tflite_refuses() -> None:
    model = real("coral_mobilenet_v1_0.25_128_quant")
    _, bias = next(operands(model, Bias))
    assert bias.quant is not None
    model.buffers[model.main.tensors[bias.index].buffer] = np.zeros(4 * bias.shape[0], np.uint8)
    change(model, bias, scale=bias.quant.scale * np.float32(1000))
    assert found(model, "QL201")[0].severity == Severity.ERROR


def test_an_int32_bias_that_the_options_state_is_none() -> None:
    model = digits("int16x8")
    _narrow(model, np.random.default_rng(0))
    assert found(model, "QL203")
    for operator in model.main.operators:
        if isinstance(operator.options, Conv2DOptions | FullyConnectedOptions):
            operator.options = operator.options.replace(quantized_bias_type=TensorType.INT32)
    assert not [f for f in found(model, "QL203") if f.place.operator_name != "DEPTHWISE_CONV_2D"]


def test_int16_weights_do_not_make_the_activations_wide() -> None:
    """SVDF: int8 activations, int16 weights in time, an int32 bias."""
    model = empty_model()
    graph = GraphBuilder(model, "main")
    quant = QuantParams.of(0.1)
    x, feature = graph.tensor(np.int8, (1, 4), quant=quant), graph.tensor(np.int8, value=np.ones((2, 4)), quant=quant)
    time, bias = graph.tensor(np.int16, value=np.ones((2, 3)), quant=quant), graph.tensor(np.int32, value=[1, 2])
    state, y = graph.tensor(np.int16, (1, 6), quant=quant), graph.tensor(np.int8, (1, 2), quant=quant)
    graph.op(BuiltinOperator.SVDF, [x, feature, time, bias, state], [y], SVDFOptions(rank=1))
    graph.done([x], [y])
    assert found(model, "QL201")
    assert not found(model, "QL203")

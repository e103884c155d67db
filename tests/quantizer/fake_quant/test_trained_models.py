"""Whole networks trained with fake quantization, against the converter."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import qcore
from qcore.errors import QuantizationError, UnsupportedError
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph, converted
from tests.quantizer.fake_quant.conversion import convert
from tests.quantizer.fake_quant.paired import PairedGraph
from tests.quantizer.fake_quant.step_by_step import Comparison, check_same_file, compare
from tests.quantizer.fake_quant.trained import IMAGE, NETS, Layers, Network, with_fake_quant_operators
from tests.quantizer.recurrent import Form, lstm
from tflite_schema import TensorType

FEW = ("residual", "inverted_residual", "fixed_results", "two_inputs")


@functools.cache
def network(name: str, trained: bool = True, per_channel: bool = True) -> Network:
    return Network(name, trained, per_channel)


@functools.cache
def floats(name: str) -> Model:
    return network(name).floats()


@functools.cache
def theirs(name: str) -> Model:
    return network(name).converted(quantized=True)


def check(ours: Model, answer: Model) -> Comparison:
    found = compare(load(to_bytes(ours)), answer)
    assert not found.differences, "\n".join(found.differences[:10])
    assert found.operators
    assert found.tensors
    return found


@pytest.mark.parametrize("name", NETS)
def test_equals_the_converter(name: str) -> None:
    check(quantize(floats(name), "qat"), theirs(name))


@pytest.mark.parametrize("name", [name for name in NETS if name != "four_bit_weights"])
def test_equals_mlir_quantize_in_every_byte(name: str) -> None:
    """`mlir_quantize` reads the same file, so names and orders are compared too; its scales are rounded to float32.

    It does not quantize 4-bit constants.
    """
    check_same_file(floats(name))


@pytest.mark.parametrize("border", ["int8", "uint8"])
@pytest.mark.parametrize("name", FEW)
def test_types_of_inputs_and_outputs(name: str, border: str) -> None:
    ours = quantize(floats(name), "qat", inference_input_type=border, inference_output_type=border)
    check(ours, network(name).converted(quantized=True, inputs=border, outputs=border))


def test_bias_scales_are_exact_where_the_ranges_are_known() -> None:
    """FAKE_QUANT holds the range, and with it the float64 scale; pairs of QUANTIZE and DEQUANTIZE hold it rounded."""
    from_pairs, from_ranges = Comparison(), Comparison()
    for name in ("residual", "inverted_residual", "concatenation", "large_bias", "weights_without", "fewer_bits"):
        trained = network(name, per_channel=False)
        answer, pairs = trained.converted(quantized=True), trained.floats()
        ranges = with_fake_quant_operators(pairs, trained.ranges)
        assert not {"QUANTIZE", "DEQUANTIZE"} & {op.name for op in ranges.main.operators}
        for total, model in ((from_pairs, pairs), (from_ranges, ranges)):
            found = check(quantize(model, "qat"), answer)
            total.bias_scales += found.bias_scales
            total.inexact += found.inexact
    assert from_ranges.bias_scales == from_pairs.bias_scales == 27
    assert from_ranges.inexact == from_ranges.inexact_biases == 0
    assert from_pairs.inexact == 5


def test_most_bias_scales_are_found_again() -> None:
    """Scales of weights come from one float32 number; their float64 value shows. Those of activations are lost."""
    total = Comparison()
    for name in NETS:
        found = check(quantize(floats(name), "qat"), theirs(name))
        total.bias_scales += found.bias_scales
        total.inexact += found.inexact
    assert (total.bias_scales, total.inexact) == (145, 36)


TF1_NETS = ("residual", "inverted_residual", "weights_without", "moved", "constants", "activation_past_the_pair")
STATS = {"quantized_input_stats": {"in0": (100.3, 40.0)}}


@pytest.mark.parametrize("trained", [True, False], ids=["trained", "plain"])
@pytest.mark.parametrize("type_", ["uint8", "int8"])
@pytest.mark.parametrize("name", TF1_NETS)
def test_equals_tensorflow_1(name: str, type_: str, trained: bool) -> None:
    """Trained, or with a default range for everything."""
    given: dict[str, Any] = STATS | ({} if trained else {"default_ranges_stats": (-1.5, 6.0)})
    per_channel = type_ == "int8"
    ours = quantize(tensorflow_1(name, trained, per_channel), f"tf1_{type_}", **given)
    check(ours, network(name, trained, per_channel).tensorflow_1(type_, **given))


@functools.cache
def tensorflow_1(name: str, trained: bool = True, per_channel: bool = False) -> Model:
    return network(name, trained, per_channel).tensorflow_1()


def test_tensorflow_1_with_both() -> None:
    """A default range fills what training left out; uint8 operands of CONCATENATION keep their own scales."""
    given: dict[str, Any] = STATS | {"default_ranges_stats": (0.0, 6.0)}
    for name in ("inverted_residual", "concatenation"):
        ours = quantize(tensorflow_1(name), "tf1_uint8", **given)
        check(ours, network(name, per_channel=False).tensorflow_1("uint8", **given))


def test_tensorflow_1_with_float_borders() -> None:
    ours = quantize(
        tensorflow_1("residual"),
        "tf1_uint8",
        inference_input_type="float32",
        inference_output_type="float32",
        **STATS,
    )
    tensorflow = oracle.tensorflow()
    theirs = network("residual", per_channel=False).tensorflow_1(
        "uint8", inference_input_type=tensorflow.float32, **STATS
    )
    check(ours, theirs)


@pytest.mark.parametrize("name", ["residual", "concatenation", "four_bit_weights", "transposed_weights"])
def test_runs_with_the_integers_of_tflite(name: str) -> None:
    """The reference kernels know DEPTHWISE_CONV_2D of 4-bit weights no version of; there the optimized ones answer."""
    models = [quantize(floats(name), "qat", inference_input_type="int8", inference_output_type="int8")]
    if name != "four_bit_weights":
        models.append(quantize(tensorflow_1(name), "tf1_uint8", **STATS))
    for model in models:
        content, rng = to_bytes(model), np.random.default_rng(3)
        tensor = model.main.tensors[model.main.inputs[0]]
        info = np.iinfo(np.dtype(tensor.type.name.lower()))
        x = rng.integers(info.min, info.max + 1, tensor.shape).astype(info.dtype)
        answers = oracle.outputs(content, [x], kernels="optimized" if name == "four_bit_weights" else "reference")
        for mine, other in zip(qcore.Interpreter(content).run(x), answers, strict=True):
            assert mine.dtype == other.dtype
            assert np.array_equal(mine, other)


def test_a_bias_of_one_value() -> None:
    """TensorFlow takes the first channel's integer for all, whatever their scales; ours stand for the value."""
    m = Layers(5)
    weights = m.weights(m.draw(3, 3, 4, 6) * np.array([0.1, 0.2, 0.5, 1, 2, 4], np.float32))
    function = m.tf.function(
        lambda x: m.q(m.tf.nn.conv2d(m.q(x), weights, 1, "SAME") + np.full(6, 3, np.float32)),
        input_signature=[m.tf.TensorSpec(IMAGE)],
    ).get_concrete_function()
    converter = m.tf.lite.TFLiteConverter
    models = [convert(lambda: converter.from_concrete_functions([function]), quantized=done) for done in (False, True)]
    ours, theirs = quantize(models[0], "qat"), models[1]
    assert check(ours, theirs).alone == 5
    for model, right in ((ours, True), (theirs, False)):
        bias = model.main.tensors[model.main.operators[1].inputs[2]]
        integers = model.constant(bias)
        assert integers is not None
        assert bias.quant is not None
        assert bool((abs(integers * bias.quant.scale - 3) <= bias.quant.scale).all()) == right


def test_the_model_given_stays() -> None:
    before = to_bytes(floats("chain"))
    quantize(floats("chain"), "qat")
    assert to_bytes(floats("chain")) == before


# Refusals -------------------------------------------------------------------------------------------------------------


def plain() -> Model:
    graph = FloatGraph()
    return graph.model(graph.op("RELU", [graph.input((1, 4), ranged=False)], (1, 4), options=None, ranged=False))


def test_a_model_without_fake_quantization() -> None:
    with pytest.raises(QuantizationError, match=r"holds no fake quantization.*recipe int8 with samples"):
        quantize(plain(), "qat")


def test_a_model_in_integers_already() -> None:
    done = quantize(floats("residual"), "qat")
    for recipe in ("qat", "int8"):
        with pytest.raises(QuantizationError, match=r"already quantized: subgraph 0, tensor \d+"):
            quantize(done, recipe)


def test_an_lstm_is_kept_in_float_or_refused() -> None:
    """Nothing says the ranges inside of it. What TensorFlow makes of the file does not load."""
    graph = PairedGraph()
    y = lstm(graph, graph.pair(graph.input((2, 3, 4), ranged=False)), Form(intermediates=0))
    model = graph.model(graph.pair(y))
    with pytest.raises(QuantizationError, match=r"fake quantization gives none. Keep .* denylisted_ops=\['UNIDIR"):
        quantize(model, "qat")
    with pytest.raises(RuntimeError, match="num_intermediate_tensors == 5"):
        oracle.interpreter(to_bytes(converted(model))).allocate_tensors()
    ours = quantize(model, "qat", denylisted_ops=["UNIDIRECTIONAL_SEQUENCE_LSTM"])
    names = ["QUANTIZE", "DEQUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "QUANTIZE", "DEQUANTIZE"]
    assert [operator.name for operator in ours.main.operators] == names


def test_ranges_are_not_taken() -> None:
    with pytest.raises(QuantizationError, match="qat takes its ranges from the model's fake quantization"):
        quantize(floats("residual"), "qat", {"x": (0, 1)})


def test_strict_names_what_would_stay_in_float() -> None:
    with pytest.raises(QuantizationError, match=r"1 operators would stay in float: FULLY_CONNECTED"):
        quantize(floats("inverted_residual"), "qat", strict=True)
    quantize(floats("residual"), "qat", strict=True)


def test_uint8_weights_per_channel() -> None:
    """TensorFlow writes the file, and TFLite does not take it."""
    with pytest.raises(QuantizationError, match=r"CONV_2D .* would have a scale per channel"):
        quantize(tensorflow_1("residual", per_channel=True), "tf1_uint8", **STATS)
    interpreter = oracle.interpreter(to_bytes(network("residual").tensorflow_1("uint8", **STATS)))
    with pytest.raises(RuntimeError, match=r"CONV_2D.* failed to prepare"):
        interpreter.allocate_tensors()


def test_an_operator_without_uint8_kernel() -> None:
    graph = FloatGraph()
    model = graph.model(graph.op("ABS", [graph.input((1, 4), ranged=False)], (1, 4), ranged=False))
    given: dict[str, Any] = {"quantized_input_stats": {"input0": (0, 1)}, "default_ranges_stats": (0, 6)}
    with pytest.raises(UnsupportedError, match=r"operator 0 ABS .*no uint8 kernel.*Take tf1_int8"):
        quantize(model, "tf1_uint8", **given)
    assert quantize(model, "tf1_int8", **given).main.tensors[0].type == TensorType.INT8

"""dynamic_range and weight_only_int8 (and float16) of graphs made by hand, against TensorFlow's pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import ModelError, QuantizationError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.quantizer import QuantizationWarning, Recipe, quantize
from qcore.quantizer.weights.dynamic_range import LEAST_ELEMENTS
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph
from tests.quantizer.weights.graphs import CASES, basic_lstm, build, conv, dense, depthwise, gather, svdf, weight_of
from tests.quantizer.weights.oracle import SCHEMES, check
from tflite_schema import FullyConnectedOptions, TensorType

WEIGHTED = [
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
    "BATCH_MATMUL",
    "GATHER",
    "EMBEDDING_LOOKUP",
]


@pytest.mark.parametrize("name", list(CASES))
def test_equals_tensorflow(name: str) -> None:
    check(build(CASES[name]))


@pytest.mark.parametrize("name", [name for name in CASES if name != "depthwise"])
def test_equals_tensorflow_per_tensor(name: str) -> None:
    check(build(CASES[name]), ["dynamic_range", "weight_only_int8"], per_channel=False)


@pytest.mark.parametrize("name", list(CASES))
def test_equals_tensorflow_where_operators_are_denied(name: str) -> None:
    check(build(CASES[name]), ["dynamic_range"], denylisted_ops=WEIGHTED)


def test_recurrent_weights_equal_tensorflow() -> None:
    check(build(svdf), ["dynamic_range"])


def test_the_basic_lstm_stays_float32() -> None:
    model = build(basic_lstm)
    made = check(model, ["dynamic_range"])["dynamic_range"]
    assert {tensor.type for tensor in made.main.tensors} == {TensorType.FLOAT32}
    assert np.prod(made.main.tensors[made.main.operators[0].inputs[2]].shape) > LEAST_ELEMENTS
    with pytest.raises(QuantizationError, match="LSTM has no operand TensorFlow stores in int8"):
        quantize(model, "dynamic_range", strict=True)


@pytest.mark.conformance
def test_recurrent_weights_that_are_only_stored_equal_tensorflow() -> None:
    """Two minutes: the pass rewrites such an operator over and over until it gives up."""
    check(build(svdf), ["weight_only_int8"])
    check(build(svdf), ["dynamic_range"], denylisted_ops=["SVDF"])


def inputs(model: Model) -> list[Any]:
    rng = np.random.default_rng(0)
    tensors = [model.main.tensors[index] for index in model.main.inputs]
    return [
        rng.normal(size=t.shape).astype(np.float32)
        if t.type == TensorType.FLOAT32
        else rng.integers(0, 3, t.shape).astype(np.int32)
        for t in tensors
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", list(CASES))
def test_runs_as_predicted(name: str, scheme: str) -> None:
    """TensorFlow and LiteRT answer what our interpreter says; exactly but for the order of float sums."""
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="LiteRT is not installed")
    model = quantize(build(CASES[name]), scheme)
    given, content = inputs(model), to_bytes(model)
    # TFLite's reference kernels do not know the hybrid BATCH_MATMUL of this version.
    hybrid = any(op.name == "BATCH_MATMUL" and op.version == 4 for op in model.main.operators)
    kernels = "optimized" if hybrid else "reference"
    ours = Interpreter(content).run(given[0] if len(given) == 1 else given)
    resolver = getattr(litert.OpResolverType, oracle.RESOLVERS[kernels])
    runner = litert.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    for answers in (oracle.outputs(content, given, kernels=kernels), oracle.answer(runner, given)):
        for mine, other in zip(ours, answers, strict=True):
            assert np.abs(mine - other).max() <= 3e-6 * np.ptp(other)


def test_denylisted_nodes_are_as_denylisted_operators() -> None:
    model = build(CASES["several_results"])
    node = next(op for op in model.main.operators if op.name == "CONV_2D").outputs[0]
    made = quantize(model, "dynamic_range", denylisted_nodes=[model.main.tensors[node].name])
    denied, other = [op for op in made.main.operators if op.name == "CONV_2D"]
    types = [made.main.tensors[op.inputs[1]].type for op in (denied, other)]
    assert types == [TensorType.FLOAT32, TensorType.INT8]
    assert [op.name for op in made.main.operators].count("DEQUANTIZE") == 1


def test_dense_layers_per_tensor() -> None:
    def two(graph: FloatGraph) -> list[int]:
        return [dense(graph), conv(graph)]

    made = quantize(build(two), "dynamic_range", per_channel_dense=False)
    weights = [weight_of(made, code).quant for code in ("FULLY_CONNECTED", "CONV_2D")]
    assert [quant.scale.size for quant in weights if quant is not None] == [1, 16]


def test_hybrid_operators_quantize_their_activations_asymmetrically() -> None:
    made = quantize(build(dense), "dynamic_range")
    options = made.main.operators[0].options
    assert isinstance(options, FullyConnectedOptions)
    assert options.asymmetric_quantize_inputs
    assert not build(dense).main.operators[0].options.asymmetric_quantize_inputs


def test_depthwise_weights_of_one_scale() -> None:
    """TFLite's hybrid kernels read 63 scales behind the end of one, and answer garbage; our interpreter refuses."""
    with pytest.warns(QuantizationWarning, match=r"operator 0 DEPTHWISE_CONV_2D: .* garbage; keep per_channel"):
        made = check(build(depthwise), ["dynamic_range"], per_channel=False)["dynamic_range"]
    with pytest.raises(ModelError, match="weights have 1 scales for 64 channels"):
        Interpreter(to_bytes(made)).run(inputs(made)[0])
    for scheme, denied in (("weight_only_int8", ()), ("dynamic_range", ("DEPTHWISE_CONV_2D",))):
        check(build(depthwise), [scheme], per_channel=False, denylisted_ops=denied)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(value: float) -> None:
    def graph(g: FloatGraph) -> int:
        numbers = g.rng.normal(size=(32, 64))
        numbers[3, 5] = value
        return dense(g, g.constant(numbers, name="kernel"))

    with pytest.raises(QuantizationError, match="operator 0 FULLY_CONNECTED: its weight, tensor 'kernel', holds NaN"):
        quantize(build(graph), "dynamic_range")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_border_is_float(scheme: str) -> None:
    with pytest.raises(QuantizationError, match="inference_input_type is int8; it can be float32"):
        quantize(build(gather), scheme, inference_input_type="int8")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ranges_are_not_taken(scheme: str) -> None:
    with pytest.raises(QuantizationError, match=f"recipe '{scheme}' changes weights only and takes no ranges"):
        quantize(build(dense), scheme, {"input0": (0.0, 1.0)})
    assert not Recipe("mine", scheme).needs_ranges


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_given_model_stays_as_it_is(scheme: str) -> None:
    model = build(CASES["several_results"])
    before = to_bytes(model)
    assert len(to_bytes(quantize(model, scheme))) < len(before)
    assert to_bytes(model) == before


FOUR_BITS = ["conv", "dense", "dense_of_rank_3", "embedding_lookup", "tied_embedding", "depthwise", "one_channel"]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("scheme", ["dynamic_range", "weight_only_int8"])
@pytest.mark.parametrize("name", FOUR_BITS)
def test_4_bit_weights(name: str, scheme: str, per_channel: bool) -> None:
    """The numbers are AI Edge Quantizer's; TFLite's reference kernels answer what our interpreter says."""
    if name == "depthwise" and not per_channel:
        return
    source = build(CASES[name])
    made = load(to_bytes(quantize(source, scheme, weight_bits=4, per_channel=per_channel)))
    stored = [tensor for tensor in made.main.tensors if tensor.type == TensorType.INT4]
    assert len(stored) == (not (name == "depthwise" and scheme == "dynamic_range"))
    floats = [source.constant(tensor) for tensor in source.main.tensors if tensor.size >= 1024]
    for tensor in stored:
        (w,) = (values for values in floats if values is not None and values.shape == tensor.shape)
        assert tensor.quant is not None
        axis = tuple(i for i in range(w.ndim) if i != tensor.quant.quantized_dimension) if per_channel else None
        magnitude = np.abs(w).max(axis, keepdims=True)
        scale = magnitude / np.float32(7)
        assert np.array_equal(tensor.quant.scale, scale.reshape(-1))
        values = made.constant(tensor)
        assert values is not None
        assert np.array_equal(values, np.clip(np.rint(w / scale), -8, 7).astype(np.int8))
    given = inputs(made)
    ours = Interpreter(made).run(given[0] if len(given) == 1 else given)
    hybrid = [op.name for op in made.main.operators if op.name in ("CONV_2D", "FULLY_CONNECTED", "EMBEDDING_LOOKUP")]
    exact = scheme == "dynamic_range" and len(hybrid) == len(made.main.operators)
    for mine, other in zip(ours, oracle.outputs(to_bytes(made), given), strict=True):
        assert np.array_equal(mine, other) if exact else np.abs(mine - other).max() <= 3e-6 * np.ptp(other)


@pytest.mark.parametrize("scheme", ["dynamic_range", "weight_only_int8"])
def test_strict_names_weights_of_8_bits(scheme: str) -> None:
    quantize(build(CASES["dense"]), scheme, weight_bits=4, strict=True)
    with pytest.raises(QuantizationError, match="stay in 8 bits: subgraph 0, operator 0 TRANSPOSE_CONV reads"):
        quantize(build(CASES["transpose_conv"]), scheme, weight_bits=4, strict=True)

"""Recurrent models from float to int8, calibrated and quantized here, run in TFLite; and what TFLite cannot run."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter
from qcore.calibrator import calibrate
from qcore.edit import prune
from qcore.ir import Model, QuantParams, numpy_dtype
from qcore.quantizer import QuantizationWarning, quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph, check, converted
from tests.quantizer.recurrent import FORMS, INT8, backwards, dense, lstm, set_range, side_by_side, stack
from tests.test_intermediates import model_of, samples_of
from tflite_schema import ActivationFunctionType, FullyConnectedOptions, TensorType, UnidirectionalSequenceLSTMOptions

Array = NDArray[Any]
X = (1, 3, 4)
PLAIN = FORMS["plain"]


def quantized_with_own_ranges(model: Model, samples: list[list[Array]]) -> bytes:
    """int8 from our calibration; cell states reach at least 1, as TFLite's kernel needs 0.5."""
    calibration = calibrate(model, samples)
    for operator in model.main.operators:
        low, high = calibration.ranges()[operator.inputs[19]]
        calibration = calibration.with_range(operator.inputs[19], min(low, -1), max(high, 1))
    return to_bytes(quantize(model, "int8", calibration, **INT8))


def same_integers(content: bytes, samples: list[list[Array]]) -> None:
    """TFLite's reference kernels and our interpreter give the same integers, and these tell inputs apart."""
    runner = Interpreter(content)
    runner.allocate_tensors()
    scale, zero_point = runner.get_input_details()[0]["quantization"]
    for [sample] in samples:
        x = np.clip(np.round(sample / scale) + zero_point, -128, 127).astype(np.int8)
        runner.reset_all_variables()
        mine, [reference] = runner.run(x), oracle.outputs(content, [x])
        np.testing.assert_array_equal(mine[0], reference)
        assert np.ptp(reference.astype(int)) > 20


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if not (form.cifg and form.layer_norm)])
def test_calibrated_here_and_run_there(name: str) -> None:
    model = model_of(FORMS[name], layers=2)
    samples = samples_of(model)
    same_integers(quantized_with_own_ranges(model, samples), samples)


def float_again(model: Model) -> Model:
    """The float model with ranges that an int8 file, with uint8 at its border, says: what it was made from, rounded."""
    result = model.copy()
    graph = result.main
    for tensor in graph.tensors:
        quant = tensor.quant
        if quant is None or not quant.is_quantized:
            continue
        values, scale, zero = model.constant(tensor), quant.scale.astype(np.float64), int(quant.zero_point[0])
        info = np.iinfo(numpy_dtype(tensor.type))
        low = 0 - info.max if tensor.type.name == "INT16" else info.min - zero
        tensor.type, tensor.quant = TensorType.FLOAT32, None
        if values is not None:
            tensor.buffer = result.add_buffer((values * scale).astype(np.float32))
        elif not tensor.name.startswith("input_to"):
            minimum, maximum = (np.array([steps * scale[0]], np.float32) for steps in (low, info.max - zero))
            tensor.quant = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), 0, minimum, maximum)
    first, *rest, last = graph.operators
    rest[0].inputs = (*first.inputs, *rest[0].inputs[1:])
    graph.operators, graph.outputs = rest, last.inputs[:1]
    result.signatures = []
    return prune(result)


@oracle.needs_shared
def test_a_file_of_the_converter_from_its_own_numbers() -> None:
    """A digits network; its operators, and type, scale, zero point and integers of each of its tensors."""
    original = load(oracle.MODELS / "coral_keras_lstm_mnist_ptq.tflite")
    ours = quantize(
        float_again(original), per_channel=False, inference_input_type="uint8", inference_output_type="uint8"
    )
    assert [op.name for op in ours.main.operators] == [op.name for op in original.main.operators]
    compared = 0
    for mine, other in zip(ours.main.operators, original.main.operators, strict=True):
        tensors, others = ((*op.inputs, *op.intermediates, *op.outputs) for op in (mine, other))
        for t, u in zip(tensors, others, strict=True):
            if t < 0 or u < 0:
                assert t == u
                continue
            a, b = ours.main.tensors[t], original.main.tensors[u]
            assert (a.type, a.shape, a.is_variable) == (b.type, b.shape, b.is_variable)
            if b.quant is None or not b.quant.is_quantized:
                continue
            assert a.quant is not None
            np.testing.assert_allclose(a.quant.scale, b.quant.scale, rtol=3e-7)
            np.testing.assert_array_equal(a.quant.zero_point, b.quant.zero_point)
            values = original.constant(b)
            if values is not None:
                found = ours.constant(a)
                assert found is not None
                np.testing.assert_allclose(found, values, atol=0 if values.dtype == np.int8 else 1)
                compared += values.size
    assert compared > 9000


def trained_on_digits() -> tuple[Model, Array, Array]:
    """A fused LSTM over the rows of digits, trained a little, for 100 digits at a time; held-out digits and labels."""
    oracle.tensorflow()
    keras = importlib.import_module("keras")
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    images, labels = (digits.images / 16).astype(np.float32), digits.target
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((8, 8)), keras.layers.LSTM(20), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(0.01), loss)
    net.fit(images[:1297], labels[:1297], batch_size=64, epochs=6, verbose=0)
    kernel, recurrent, bias, head, head_bias = net.get_weights()
    gates = (np.split(kernel.T, 4), np.split(recurrent.T, 4), np.split(bias, 4))  # input, forget, cell, output
    graph = FloatGraph()
    operands = [
        graph.input((100, 8, 8)),
        *(graph.constant(matrix) for matrices in gates[:2] for matrix in matrices),
        *[-1] * 3,
        *(graph.constant(vector) for vector in gates[2]),
        *[-1] * 2,
        graph.state(100, 20),
        graph.state(100, 20),
        *[-1] * 4,
    ]
    tanh = UnidirectionalSequenceLSTMOptions(fused_activation_function=ActivationFunctionType.TANH)
    y = graph.op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, (100, 8, 20), options=tanh)
    begin, size = graph.constant([0, 7, 0], np.int32), graph.constant([100, 1, 20], np.int32)
    y = graph.op(
        "RESHAPE", [graph.op("SLICE", [y, begin, size], (100, 1, 20)), graph.constant([100, 20], np.int32)], (100, 20)
    )
    y = graph.op(
        "FULLY_CONNECTED",
        [y, graph.constant(head.T), graph.constant(head_bias)],
        (100, 10),
        options=FullyConnectedOptions(),
    )
    model = graph.model(y)
    for tensor in model.main.tensors:
        tensor.quant = None
    return load(to_bytes(model)), images[1297:], labels[1297:]


def test_an_lstm_trained_on_digits_keeps_its_accuracy() -> None:
    model, images, labels = trained_on_digits()
    batches = images.reshape(5, 100, 8, 8)
    calibration = calibrate(model, [[batch] for batch in batches[:2]])
    content = to_bytes(quantize(model, "int8", calibration))
    right = {"float": 0, "int8": 0}
    for name, runner in (("float", Interpreter(model)), ("int8", Interpreter(content))):
        runner.allocate_tensors()
        for batch, expected in zip(batches, labels.reshape(5, 100), strict=True):
            runner.reset_all_variables()
            answers = runner.run(batch)[0]
            right[name] += int((answers.argmax(axis=1) == expected).sum())
            if name == "int8":
                np.testing.assert_array_equal(answers, oracle.outputs(content, [batch])[0])
    assert right["float"] > 400
    assert abs(right["float"] - right["int8"]) <= 10


# What the converter makes and TFLite cannot run -----------------------------------------------------------------------


def test_layer_normalization_without_an_input_gate() -> None:
    """TFLite finds no scale at the input gate's intermediate tensor, gives up preparing, and goes on all the same."""
    model = model_of(FORMS["cifg layer norm"])
    samples = samples_of(model)
    with pytest.warns(QuantizationWarning, match="LSTM .*cannot run layer normalization in integers without an input"):
        content = quantized_with_own_ranges(model, samples)
    [reference] = oracle.outputs(content, [np.full(samples[0][0].shape, 90, np.int8)])
    assert not reference.any()


def test_a_cell_state_that_is_too_small() -> None:
    model = stack(PLAIN, 1)
    set_range(model, model.main.operators[0].inputs[19], -0.2, 0.1)
    with pytest.warns(QuantizationWarning, match="cell state has scale 7.62939e-06, and TFLite takes 2"):
        quantize(model)


def test_an_input_without_its_own_range() -> None:
    """A concatenation gives it its scale. The converter then takes the weights for constants of any kind, with a zero
    point that TFLite's kernel does not look at, and makes the cell state int8; here they are as ever."""
    graph = FloatGraph(3, span=(-2.0, 3.0))
    x = dense(graph, graph.input(X), 4)
    y = lstm(graph, x, PLAIN)
    model = graph.model(y, side_by_side(graph, x, graph.input(X)))
    mine, theirs = (
        next(op for op in made.main.operators if op.name.endswith("LSTM"))
        for made in (quantize(model), converted(model))
    )
    operands = [quantize(model).main.tensors[mine.inputs[i]] for i in (2, 19)]
    assert [(t.type.name, t.quant.zero_point[0]) for t in operands if t.quant] == [("INT8", 0), ("INT16", 0)]
    operands = [converted(model).main.tensors[theirs.inputs[i]] for i in (2, 19)]
    assert [t.type.name for t in operands] == ["INT8", "INT8"]
    assert operands[0].quant is not None
    assert operands[0].quant.zero_point[0] != 0


def test_a_result_that_is_joined_with_others() -> None:
    """A bidirectional network: the forward result is written in the state's scale and read in the concatenation's."""
    graph = FloatGraph(3, span=(-2.0, 3.0))
    x = graph.input(X)
    forward = lstm(graph, x, PLAIN)
    joined = side_by_side(graph, forward, backwards(graph, lstm(graph, backwards(graph, x), PLAIN)))
    model = graph.model(joined)
    set_range(model, joined, -4, 4)
    check(model)
    with pytest.warns(QuantizationWarning, match="'unidirectional_sequence_lstm_0': its result has scale .* its state"):
        quantize(model)

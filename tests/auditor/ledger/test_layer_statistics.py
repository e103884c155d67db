from __future__ import annotations

import csv
import io
import warnings
from typing import Any

import numpy as np
import pytest

import qcore
from qcore.auditor.ledger import account
from qcore.auditor.ledger.layer_statistics import METRICS
from tests import oracle
from tests.auditor.ledger.models import pair, samples

COLUMNS = ["op_name", "tensor_idx", *METRICS, "scale", "zero_point", "tensor_name"]


def table(ledger: Any) -> list[dict[str, str]]:
    file = io.StringIO()
    ledger.layer_statistics_dump(file)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def converter(inputs: list[Any]) -> Any:
    """A converter of a small network, from a TensorFlow function."""
    tf, rng = oracle.tensorflow(), np.random.default_rng(2)

    def constant(*shape: int) -> Any:
        return tf.constant(rng.normal(0, 0.3, shape).astype(np.float32))

    base: Any = tf.Module

    class Network(base):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 2])])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            a = tf.nn.relu6(tf.nn.conv2d(x, constant(3, 3, 2, 4), 1, "SAME") + constant(4))
            b = tf.nn.depthwise_conv2d(a, constant(3, 3, 4, 1), [1, 1, 1, 1], "SAME") + constant(4)
            y = tf.nn.avg_pool2d(a + b, 4, 4, "VALID")
            return tf.nn.softmax(tf.matmul(tf.reshape(y, [1, 16]), constant(16, 5)) + constant(5))

    module = Network()
    made = tf.lite.TFLiteConverter.from_concrete_functions([module.__call__.get_concrete_function()], module)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.representative_dataset = lambda: ([x] for x in inputs)
    return made


def debugged(inputs: list[Any]) -> tuple[list[dict[str, str]], bytes, bytes]:
    """TensorFlow's statistics, by its reference kernels, the quantized model and the float model."""
    tf = oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter(inputs), debug_dataset=lambda: ([x] for x in inputs)
        )
        debugger._quant_interpreter = oracle.interpreter(debugger.quant_model)
        debugger._initialize_stats()
        debugger.run()
        file = io.StringIO()
        debugger.layer_statistics_dump(file)
        quantized = debugger.get_nondebug_quantized_model()
        plain = converter(inputs)
        plain.optimizations, plain.representative_dataset = [], None
        return list(csv.DictReader(io.StringIO(file.getvalue()))), quantized, plain.convert()


def test_the_numbers_are_those_of_tensorflow() -> None:
    inputs = samples(4)
    theirs, quantized, model = debugged(inputs)
    ours = table(account(quantized, model, inputs, probes=0))
    assert list(ours[0]) == list(theirs[0]) == COLUMNS
    assert [row["op_name"] for row in ours] == [row["op_name"] for row in theirs]
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "FULLY_CONNECTED", "SOFTMAX"} <= {row["op_name"] for row in ours}
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["tensor_name"] == other["tensor_name"]
        assert mine["zero_point"] == other["zero_point"]
        assert float(mine["scale"]) == pytest.approx(float(other["scale"]), rel=1e-6)
        if mine["op_name"] == "AVERAGE_POOL_2D":  # TensorFlow compares its integers with themselves
            assert float(other["max_abs_error"]) < 1e-6 * float(other["scale"]) * 256
            assert float(mine["max_abs_error"]) > 0.01 * float(mine["scale"])
            continue
        step = float(other["scale"])
        for metric in METRICS[1:]:
            unit = step * step if metric == "mean_squared_error" else step
            assert float(mine[metric]) == pytest.approx(float(other[metric]), abs=1e-4 * unit), metric


@pytest.mark.parametrize("recipe", ["int8", "int16x8", "dynamic_range", "float16"])
def test_every_scheme_has_statistics(recipe: str) -> None:
    ledger = account(*pair(recipe), samples(), probes=0)
    rows = table(ledger)
    names = [row["op_name"] for row in rows]
    assert names[:2] == ["CONV_2D", "CONV_2D"]
    assert ("ADD" in names) == recipe.startswith("int")
    assert [row["scale"] == "" for row in rows] == [not recipe.startswith("int")] * len(rows)
    for mine, row in zip(ledger.layers, rows, strict=True):
        assert mine.metrics["mean_squared_error"] >= mine.metrics["mean_error"] ** 2
        assert float(row["num_elements"]) == mine.metrics["num_elements"]


def test_the_mean_square_is_the_ledgers_own_error() -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(), probes=0)
    for row in ledger.layers[1:]:
        entry = next(e for e in ledger.entries if e.tensor == row.tensor_idx)
        total = row.metrics["mean_squared_error"] * row.metrics["num_elements"] * ledger.samples
        assert total == pytest.approx(entry.own, rel=1e-6)


def test_integer_inputs_make_no_difference() -> None:
    """The float operator reads the float input, whether QUANTIZE or the caller quantizes it."""
    plain = account(*pair("int8"), samples(), probes=0)
    inside = account(*pair("int8", inference_input_type="int8"), samples(), probes=0)
    assert [row.metrics for row in plain.layers] == [row.metrics for row in inside.layers]
    assert qcore.Interpreter(pair("int8", inference_input_type="int8")[0]).get_input_details()[0]["dtype"] == np.int8

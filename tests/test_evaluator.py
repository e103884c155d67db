"""The numbers `evaluate` reports equal those worked out here, one by one."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import qcore
from qcore import CalibrationError, Interpreter, Model, ModelError, ShapeError, calibrate, evaluate, quantize, save
from qcore.auditor.metrics import sqnr
from qcore.evaluator import losers
from qcore.tflite import to_bytes
from tests.auditor.cases import dense as issue_model
from tests.graphs import chain_of_adds
from tests.quantizer.converter import FloatGraph
from tflite_schema import FullyConnectedOptions

Array = NDArray[Any]
RNG = np.random.default_rng(5)
SAMPLES = RNG.normal(size=(60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 7, 60)


def dense(batch: int = 1, seed: int = 1) -> Model:
    """8 numbers to 7 classes."""
    graph = FloatGraph(seed=seed, span=(-6.0, 6.0))
    x = graph.input((batch, 8))
    y = graph.op(
        "FULLY_CONNECTED", [x, graph.random(7, 8), graph.random(7)], (batch, 7), options=FullyConnectedOptions()
    )
    return graph.model(y)


def int8(model: Model, border: str = "int8") -> Model:
    """The model, quantized on the samples of this file."""
    batch = model.main.tensors[model.main.inputs[0]].shape[0]
    ranges = calibrate(model, SAMPLES.reshape(-1, batch, 8))
    return quantize(model, "int8", ranges, inference_input_type=border, inference_output_type=border)


def real_outputs(model: Model, samples: Array) -> Array:
    """Every sample through the model by hand: quantize, run, dequantize."""
    interpreter, rows = Interpreter(model), []
    (tensor,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    for sample in samples.reshape(-1, *tensor["shape"]):
        fed = sample
        if tensor["dtype"] != np.float32:
            scale, zero = tensor["quantization"]
            info = np.iinfo(tensor["dtype"])
            steps = sample / np.float32(scale)
            nearest = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
            fed = np.clip(nearest + zero, info.min, info.max).astype(tensor["dtype"])
        (y,) = interpreter.run(fed)
        scale, zero = result["quantization"]
        rows.append(y if y.dtype == np.float32 else np.float32(scale) * (y.astype(np.int32) - zero).astype(np.float32))
    return np.concatenate(rows).astype(np.float64)


@pytest.mark.parametrize("border", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("batch", [1, 4])
def test_numbers_equal_those_worked_out_by_hand(border: str, batch: int, tmp_path: Path) -> None:
    plain = dense(batch)
    small = int8(plain, border)
    path = tmp_path / "int8.tflite"
    save(small, path)
    seen: list[tuple[int, int | None]] = []
    first, second = evaluate([plain, path], SAMPLES, LABELS, progress=lambda *step: seen.append(step))
    exact, got = real_outputs(plain, SAMPLES), real_outputs(small, SAMPLES)

    order = np.argsort(-got, axis=1, kind="stable")
    assert second.correct == int((order[:, 0] == LABELS).sum())
    assert second.top1 == second.correct / 60
    assert second.top5 == float(np.mean([LABELS[i] in order[i, :5] for i in range(60)]))
    assert first.top1 == float(np.mean(exact.argmax(1) == LABELS))
    assert second.agreement == float(np.mean(exact.argmax(1) == got.argmax(1)))
    assert second.sqnr is not None
    (noise,) = second.sqnr.values()
    assert noise == pytest.approx(10 * math.log10((exact**2).sum() / ((got - exact) ** 2).sum()), rel=1e-9)
    assert (first.sqnr, first.agreement, first.mae) == (None, None, None)
    content = path.read_bytes()
    assert (second.bytes, second.gzip_bytes) == (len(content), len(gzip.compress(content, mtime=0)))
    assert first.bytes == len(to_bytes(plain))
    assert (second.name, first.name) == (str(path), "model 0")
    assert second.seconds > 0
    assert seen == [(n + 1, 60 // batch) for n in range(60 // batch)]


def test_regression() -> None:
    plain = dense()
    targets = RNG.normal(size=(60, 7))
    _, second = evaluate([plain, int8(plain)], SAMPLES, targets)
    error = real_outputs(int8(plain), SAMPLES) - targets
    assert second.mae == pytest.approx(np.abs(error).mean(), rel=1e-12)
    assert second.rmse == pytest.approx(math.sqrt((error**2).mean()), rel=1e-12)
    assert (second.top1, second.agreement, second.labelled) == (None, None, 0)


def two_outputs() -> Model:
    graph = FloatGraph(seed=3, span=(-6.0, 6.0))
    x = graph.input((1, 8))
    y, z = (
        graph.op("FULLY_CONNECTED", [x, graph.random(n, 8), graph.random(n)], (1, n), options=FullyConnectedOptions())
        for n in (7, 3)
    )
    return graph.model(y, z)


def test_every_output_has_its_noise() -> None:
    plain = two_outputs()
    small = int8(plain)
    names = [plain.main.tensors[index].name for index in plain.main.outputs]
    with pytest.raises(ShapeError, match=f"the model has the outputs {names[0]}, {names[1]}; name the one"):
        evaluate([plain, small], SAMPLES, LABELS)
    with pytest.raises(ShapeError, match=f"no output named 'z'; the model has {names[0]}, "):
        evaluate([plain], SAMPLES, output_name="z")
    assert evaluate([plain, small], SAMPLES)[1].agreement is None
    few = LABELS % 3
    _, found = evaluate([plain, small], SAMPLES, few, output_name=names[1])
    exact, integer = Interpreter(plain), Interpreter(small)
    (scale, zero) = integer.get_input_details()[0]["quantization"]
    pairs = []
    for sample in SAMPLES:
        steps = sample[None] / np.float32(scale)
        fed = np.clip(np.sign(steps) * np.floor(np.abs(steps) + 0.5) + zero, -128, 127).astype(np.int8)
        pairs.append((exact.run(sample[None]), integer.run(fed)))
    for index, detail in enumerate(integer.get_output_details()):
        scale, zero = detail["quantization"]
        wanted = np.concatenate([a[index] for a, _ in pairs])
        got = np.concatenate(
            [np.float32(scale) * (b[index].astype(np.int32) - zero).astype(np.float32) for _, b in pairs]
        )
        assert found.sqnr is not None
        assert found.sqnr[names[index]] == pytest.approx(sqnr(wanted, got), rel=1e-9)
    assert found.correct == int((got.argmax(1) == few).sum())
    assert found.agreement == float(np.mean(got.argmax(1) == wanted.argmax(1)))


def test_without_labels() -> None:
    plain = dense()
    first, second = evaluate([plain, to_bytes(int8(plain))], SAMPLES)
    assert (second.top1, second.top5, second.mae) == (None, None, None)
    assert second.agreement is not None
    (output,) = plain.main.outputs
    assert evaluate([plain, plain], SAMPLES)[1].sqnr == {plain.main.tensors[output].name: math.inf}
    with pytest.raises(ShapeError, match="needs class labels"):
        losers([first, second], 1)


@pytest.mark.parametrize(
    ("arrays", "key"),
    [
        ({"x": SAMPLES, "y": LABELS}, None),
        ({"x_test": SAMPLES, "y_test": LABELS[:, None]}, None),
        ({"input0": SAMPLES, "labels": np.eye(7, dtype=np.uint8)[LABELS]}, None),
        ({"images": SAMPLES, "digits": LABELS}, "digits"),
        ({"arr_0": SAMPLES, "arr_1": LABELS}, "arr_1"),
        ({"input0": SAMPLES, "label": LABELS, "y": LABELS * 0}, "label"),
    ],
)
def test_where_labels_are_found(arrays: dict[str, Array], key: str | None, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]  # keywords are array names
    (expected,) = evaluate([dense()], SAMPLES, LABELS)
    for data in (arrays, tmp_path / "d.npz", str(tmp_path / "d.npz")):
        (found,) = evaluate([dense()], data, key)
        assert (found.correct, found.labelled, found.top5) == (expected.correct, 60, expected.top5)


def test_an_input_may_be_named_y() -> None:
    model = dense()
    model.main.tensors[0].name = "y"
    (found,) = evaluate([model], {"y": SAMPLES, "labels": LABELS})
    assert found.labelled == 60
    assert evaluate([model], {"y": SAMPLES})[0].labelled == 0


def test_the_budget_is_exact() -> None:
    plain = dense()
    first, second = evaluate([plain, int8(plain)], SAMPLES, LABELS)
    first = replace(first, correct=200, labelled=200)
    second = replace(second, correct=199, labelled=200)
    assert losers([first, second], 0.5) == []
    assert losers([first, second], 0.49) == [second]
    assert losers([replace(first, correct=997, labelled=1000), replace(second, correct=994, labelled=1000)], 0.3) == []
    assert losers([second, first], 0) == []


def test_what_does_not_fit() -> None:
    plain = dense()
    cases: list[tuple[Any, Any, Any, type[Exception], str]] = [
        ([], SAMPLES, None, ModelError, "at least one model"),
        ([plain], SAMPLES[:0], None, CalibrationError, "dataset is empty"),
        ([plain], SAMPLES, LABELS[:59], ShapeError, "59 labels are fewer than the rows"),
        ([plain], SAMPLES[:59], LABELS, ShapeError, "60 labels for 59 rows"),
        ([plain], SAMPLES, "y", CalibrationError, "give the labels themselves"),
        ([plain], {"x": SAMPLES}, "z", CalibrationError, "no array 'z'; there are 'x'"),
        ([plain], {"x": SAMPLES, "y": LABELS, "labels": LABELS}, None, CalibrationError, "labels, y may all be"),
        ([plain, chain_of_adds()], SAMPLES, None, ShapeError, "shape"),
        ([plain], SAMPLES.astype(np.float64), None, CalibrationError, "float64"),
    ]
    for models, data, labels, error, message in cases:
        with pytest.raises(error, match=message):
            evaluate(models, data, labels)


def test_integer_inputs_of_the_first_model_are_fed_real_numbers() -> None:
    small = int8(dense())
    (found,) = evaluate([small], SAMPLES, LABELS)
    assert found.correct == int((real_outputs(small, SAMPLES).argmax(1) == LABELS).sum())
    assert qcore.Evaluation is type(found)


def test_the_kernel_set_runs_all_models_but_the_first() -> None:
    model = issue_model(585).model()
    x = np.float32(0.05296124517917633) * np.array([[585 // 5]], np.float32)
    for kernels, noise in (("reference", False), ("optimized", False), ("xnnpack", True)):
        _, other = evaluate([model, model], [x], kernels=kernels)
        assert other.sqnr is not None
        assert all(math.isfinite(decibels) == noise for decibels in other.sqnr.values())

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qcore import Interpreter, calibrate, correct_biases, equalize, load, quantize, save
from qcore.quantizer.weight_methods import weight_scale
from qcore.tflite import to_bytes
from tests.cli.conftest import Cli
from tests.quantizer.converter import FloatGraph
from tests.quantizer.corrections.networks import SHAPE, unbalanced
from tests.quantizer.fake_quant.paired import PairedGraph
from tflite_schema import AddOptions, FullyConnectedOptions, TensorType


def test_data_in_int8_model_out(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.tflite"
    borders = ("--inference-input-type", "int8", "--inference-output-type", "int8")
    outcome = cli("quantize", model_file, "-d", samples_file, "-o", target, *borders, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["float_operators"] == []
    model = load(target)
    assert {model.main.tensors[i].type for i in (*model.main.inputs, *model.main.outputs)} == {TensorType.INT8}
    assert Interpreter(target).run(np.zeros((1, 3), np.int8))[0].dtype == np.int8


def test_int16x8_and_what_stays_in_float(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "int16.tflite"
    common = ("quantize", model_file, "-d", samples_file, "-o", target, "-r", "int16x8", "--force")
    outcome = cli(*common, "--inference-input-type", "int16", "--bias-type", "int32", "--strict")
    assert outcome.code == 0, outcome.err
    model = load(target)
    assert [model.main.tensors[i].type for i in model.main.inputs] == [TensorType.INT16]
    biases = [
        t.type for t in model.main.tensors if model.is_constant(t) and t.type in (TensorType.INT32, TensorType.INT64)
    ]
    assert set(biases) <= {TensorType.INT32}
    name = model.main.operators[-2].name
    assert json.loads(cli(*common, "--denylisted-ops", name, "--json").out)["float_operators"] == [name, name]
    outcome = cli(*common, "--denylisted-ops", name, "--strict")
    assert (outcome.code, f"operators would stay in float: {name} " in outcome.err) == (2, True)


def test_a_float_border_is_no_operator_left_in_float(
    cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path
) -> None:
    outcome = cli("quantize", model_file, "-d", samples_file, "-o", tmp_path / "int8.tflite", "--json")
    assert [op.name for op in load(tmp_path / "int8.tflite").main.operators] == ["QUANTIZE", "ADD", "ADD", "DEQUANTIZE"]
    assert json.loads(outcome.out)["float_operators"] == []


def test_saved_statistics_serve_as_well(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    statistics, direct, indirect = (tmp_path / name for name in ("ranges.json", "a.tflite", "b.tflite"))
    assert cli("calibrate", model_file, "-d", samples_file, "-o", statistics).code == 0
    assert cli("quantize", model_file, "-d", samples_file, "-o", direct).code == 0
    assert cli("quantize", model_file, "-s", statistics, "-o", indirect).code == 0
    assert direct.read_bytes() == indirect.read_bytes()


def test_weights_clipped(cli: Cli, tmp_path: Path, samples_file: Path) -> None:
    graph = FloatGraph(span=(-1.0, 1.0))
    w = graph.constant(np.random.default_rng(0).standard_t(2, (4, 3)))
    y = graph.op("FULLY_CONNECTED", [graph.input((1, 3)), w, -1], (1, 4), options=FullyConnectedOptions())
    float_model, target = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    save(graph.model(y), float_model)
    outcome = cli("quantize", float_model, "-d", samples_file, "-o", target, "--weight-method", "mse")
    assert outcome.code == 0, outcome.err
    scale = load(target).main.tensors[1].quant
    assert scale is not None
    values = load(float_model).constant(load(float_model).main.tensors[w])
    assert values is not None
    np.testing.assert_array_equal(scale.scale, weight_scale(values, 0, "mse"))
    outcome = cli("quantize", float_model, "-d", samples_file, "-o", target, "--force", "--weight-method", "max")
    assert (outcome.code, "no weight_method 'max'" in outcome.err) == (2, True)
    assert cli("quantize", float_model, "-d", samples_file, "-o", target, "--force", "--weight-bits", 4).code == 0
    assert load(target).main.tensors[1].type == TensorType.INT4
    assert "can be 8 or 4" in cli("quantize", float_model, "-o", target, "--force", "--weight-bits", 5).err


def test_corrections(cli: Cli, tmp_path: Path) -> None:
    """The file is the one that the functions of the same names make."""
    model, target, data = unbalanced(30.0), tmp_path / "int8.tflite", tmp_path / "x.npy"
    samples = np.random.default_rng(0).normal(0.5, 1, (6, *SHAPE[1:])).astype(np.float32)
    np.save(data, samples)
    save(model, tmp_path / "float.tflite")
    float_model = load(tmp_path / "float.tflite")
    for options in (["--equalize"], ["--bias-correction"], ["--equalize", "--bias-correction"]):
        source = equalize(float_model) if "--equalize" in options else float_model
        expected = quantize(source, "int8", calibrate(source, samples))
        if "--bias-correction" in options:
            expected = correct_biases(source, expected, samples)
        outcome = cli("quantize", tmp_path / "float.tflite", "-d", data, "-o", target, "--force", *options)
        assert outcome.code == 0, outcome.err
        assert target.read_bytes() == to_bytes(expected)
    outcome = cli("quantize", tmp_path / "float.tflite", "-o", target, "--force", "--equalize")
    assert (outcome.code, "they go with --data" in outcome.err) == (2, True)


def test_wrong_calls_write_nothing(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.tflite"
    assert cli("quantize", model_file, "-o", target).code == 2
    assert "no recipe 'int5'" in cli("quantize", model_file, "-o", target, "-r", "int5").err
    assert cli("quantize", model_file, "-o", target, "-d", samples_file, "-s", samples_file).code == 2
    assert not target.exists()


def test_fake_quantization_needs_no_data(cli: Cli, tmp_path: Path) -> None:
    graph = PairedGraph()
    x = graph.pair(graph.input((1, 4), ranged=False), 0.5, 3)
    source, target = tmp_path / "trained.tflite", tmp_path / "int8.tflite"
    save(graph.model(graph.pair(graph.plain("ABS", [x], (1, 4)), 0.25)), source)
    outcome = cli("quantize", source, "-r", "qat", "-o", target)
    assert outcome.code == 0, outcome.err
    assert [op.name for op in load(target).main.operators] == ["QUANTIZE", "ABS", "DEQUANTIZE"]
    outcome = cli("quantize", target, "-r", "qat", "-o", tmp_path / "again.tflite")
    assert (outcome.code, "already quantized" in outcome.err) == (2, True)


def test_tensorflow_1(cli: Cli, tmp_path: Path) -> None:
    graph = PairedGraph()
    x = graph.input((1, 4), ranged=False)
    source, target = tmp_path / "float.tflite", tmp_path / "uint8.tflite"
    save(graph.model(graph.plain("ADD", [x, x], (1, 4), AddOptions())), source)
    common = ("quantize", source, "-r", "tf1_uint8", "-o", target, "--force")
    outcome = cli(*common, "--input-stats", "input0=127.5,127.5", "--default-ranges", "0,6")
    assert outcome.code == 0, outcome.err
    graph_ = load(target).main
    assert [graph_.tensors[i].type for i in (*graph_.inputs, *graph_.outputs)] == [TensorType.UINT8] * 2
    for wrong in (("--input-stats", "127.5,127.5"), ("--input-stats", "input0=1"), ("--default-ranges", "0,6,7")):
        assert cli(*common, *wrong).code == 2


@pytest.mark.parametrize("recipe", ["float16", "dynamic_range", "weight_only_int8"])
def test_weights_alone_need_no_data(
    cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path, recipe: str
) -> None:
    target = tmp_path / "small.tflite"
    outcome = cli("quantize", model_file, "-r", recipe, "-o", target, "-d", samples_file)
    assert outcome.code == 2
    assert f"recipe {recipe} changes weights only and needs no data" in outcome.err
    outcome = cli("quantize", model_file, "-r", recipe, "-o", target, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["float_operators"] == []
    assert Interpreter(target).run(np.zeros((1, 3), np.float32))[0].dtype == np.float32


def test_recipes_from_files(cli: Cli, model_file: Path, samples_file: Path, tmp_path: Path) -> None:
    path, target, plain = (tmp_path / name for name in ("mine.json", "a.tflite", "b.tflite"))
    path.write_text('{"scheme": "int8", "per_channel": false}')
    assert cli("quantize", model_file, "-d", samples_file, "-r", path, "-o", target).code == 0
    assert cli("quantize", model_file, "-d", samples_file, "--no-per-channel", "-o", plain).code == 0
    assert target.read_bytes() == plain.read_bytes()
    path.write_text('[{"regex": ".*", "operation": "*", "algorithm_key": "GPTQ"}]')
    outcome = cli("quantize", model_file, "-d", samples_file, "-r", path, "-o", tmp_path / "c.tflite")
    assert outcome.code == 2
    assert "entry 0, algorithm_key is 'GPTQ'" in " ".join(outcome.err.split())
    assert not (tmp_path / "c.tflite").exists()

"""diff, and what two quantizers made of one float model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qcore import save
from qcore.auditor.differ import diff
from qcore.edit import insert_operator, prune, rewire
from qcore.errors import ModelError
from qcore.ir import Model, Operator, QuantParams, Tensor
from qcore.tflite import load, to_bytes
from tests.auditor.differ.pairs import float_model, quantized
from tests.oracle import MODELS, needs_shared
from tflite_schema import BuiltinOperator, CustomQuantization, Metadata


def changed(a: Model, b: Model) -> dict[int, list[str]]:
    """By operator of a: what changed."""
    return {op.a: [f"{c.where} {c.what}" for c in op.changes] for op in diff(a, b).graphs[0].operators if op.changes}  # type: ignore[misc]


def test_a_model_and_itself() -> None:
    found = diff(quantized(), to_bytes(quantized()))
    assert found.same
    assert found.same_but_names
    assert {status: found.count(status) for status in ("same", "changed", "added", "removed")} == {
        "same": 11,
        "changed": 0,
        "added": 0,
        "removed": 0,
    }


def test_every_planted_difference_is_found_where_it_is() -> None:
    a = quantized(inference_input_type="int8", inference_output_type="int8")
    b = load(to_bytes(a))
    graph = b.main
    conv, dense = graph.operators[2], graph.operators[7]
    weights = graph.tensors[conv.inputs[1]]
    values = np.array(b.constant(weights))
    values[1, 0, 0, 0] += 1 if values[1, 0, 0, 0] < 127 else -1
    weights.buffer = b.add_buffer(values)
    quant = graph.tensors[dense.outputs[0]].quant
    assert quant is not None
    graph.tensors[dense.outputs[0]].quant = QuantParams.of(quant.scale, quant.zero_point + 2)
    graph.operators[0].version = 5
    graph.operators[4].options.stride_w = 1
    assert changed(a, b) == {
        0: ["operator version"],
        2: ["weights values"],
        4: ["operator options.stride_w"],
        7: ["result zero point"],
    }
    (change,) = (c for op in diff(a, b).graphs[0].operators for c in op.changes if c.where == "weights")
    assert (change.measures["differ"], change.measures["largest"]) == (1, 1)


def test_borders_that_are_inserted_change_nothing_else() -> None:
    """int8 and float inputs and outputs: the same file, but for the QUANTIZE and the DEQUANTIZE."""
    a, b = quantized(inference_input_type="int8", inference_output_type="int8"), quantized()
    found = diff(a, b)
    added = [(op.b, op.name) for op in found.graphs[0].operators if op.status == "added"]
    assert added == [(0, "QUANTIZE"), (10, "DEQUANTIZE")]
    assert found.count("changed") == found.count("removed") == 0
    inputs = [change.what for change in found.graphs[0].borders if change.where.startswith("input")]
    assert inputs == ["type", "quantization"]
    assert diff(b, a).count("removed") == 2


def test_renamed_and_renumbered_tensors() -> None:
    a = quantized()
    b = load(to_bytes(a))
    for index, tensor in enumerate(b.main.tensors):
        tensor.name = f"t{index}"
    found = diff(a, b)
    assert (found.same, found.same_but_names, found.count("renamed")) == (False, True, 11)
    c = load(to_bytes(a))
    order = list(range(len(c.main.tensors)))[::-1]
    c.main.tensors = [c.main.tensors[i] for i in order]
    place = {old: new for new, old in enumerate(order)} | {-1: -1}
    for op in c.main.operators:
        op.inputs, op.outputs = (tuple(place[t] for t in side) for side in (op.inputs, op.outputs))
    c.main.inputs, c.main.outputs = (tuple(place[t] for t in side) for side in (c.main.inputs, c.main.outputs))
    c.signatures = []
    a.signatures = []
    assert diff(a, c).same


def test_an_operator_that_reads_another_tensor() -> None:
    a = quantized()
    b = load(to_bytes(a))
    add = next(i for i, op in enumerate(b.main.operators) if op.name == "ADD")
    b.main.operators[add].inputs = b.main.operators[add].inputs[::-1]
    assert changed(a, b) == {add: ["operand 0 source", "operand 1 source"]}
    assert not diff(a, b).same


def test_an_operator_that_was_left_out() -> None:
    a = float_model().copy()
    b = float_model().copy()
    reshape = next(i for i, op in enumerate(b.main.operators) if op.name == "MAX_POOL_2D")
    left_out = b.main.operators.pop(reshape)
    rewire(b.main, left_out.outputs[0], left_out.inputs[0])
    found = diff(a, prune(b))
    assert [(op.a, op.name) for op in found.graphs[0].operators if op.status == "removed"] == [(reshape, "MAX_POOL_2D")]
    assert changed(a, b)[reshape + 1] == ["operand 0 source"]
    insert_operator(b.main, 0, Operator(BuiltinOperator.RELU, b.main.inputs, b.main.inputs))
    assert [(op.b, op.name) for op in diff(a, b).graphs[0].operators if op.status == "added"] == [(0, "RELU")]


@pytest.mark.parametrize("recipe", ["int8", "int16x8", "dynamic_range", "float16", "weight_only_int8"])
def test_float_against_quantized(recipe: str) -> None:
    """Every operator finds its float one; weights are compared as real numbers, also behind a DEQUANTIZE."""
    found = diff(float_model(), quantized(recipe))
    assert found.count("removed") == 0
    assert {op.name for op in found.graphs[0].operators if op.status == "added"} <= {"QUANTIZE", "DEQUANTIZE"}
    changes = [change for op in found.graphs[0].operators for change in op.changes]
    noise = [c.measures["SQNR_dB"] for c in changes if (c.where, c.what) == ("weights", "values")]
    assert len(noise) == {"int8": 5, "int16x8": 5, "float16": 5}.get(recipe, 3)
    assert all(40 < value < 90 for value in noise)


def tensor(model: Model, operator: int) -> Tensor:
    """The first result of an operator."""
    return model.main.tensors[model.main.operators[operator].outputs[0]]


def swap_signature(model: Model) -> None:
    signature = model.signatures[0]
    entry = signature.inputs[0]
    model.signatures = [signature.replace(inputs=[entry.replace(name="other")])]


def calibrated_range(model: Model) -> None:
    found = tensor(model, 3)
    assert found.quant is not None
    found.quant = replace(found.quant, min=np.array([-1], np.float32), max=np.array([1], np.float32))


def custom_details(model: Model) -> None:
    found = tensor(model, 3)
    assert found.quant is not None
    found.quant = replace(found.quant, details=CustomQuantization(custom=np.array([1], np.uint8)))


PLANTS: dict[str, Callable[[Model], object]] = {
    "model signature serving_default": swap_signature,
    "model metadata conversion": lambda m: m.metadata.append(Metadata(name="conversion", buffer=m.add_buffer(b"xy"))),
    "graph name": lambda m: setattr(m.main, "name", "other"),
    "result has_rank": lambda m: tensor(m, 3).extra.update(has_rank=False),
    "result shape": lambda m: setattr(tensor(m, 3), "shape_signature", (-1, 8, 8, 32)),
    "result variable": lambda m: setattr(tensor(m, 3), "is_variable", True),
    "result quantization min": calibrated_range,
    "result quantization details": custom_details,
    "operator large_custom_options_size": lambda m: m.main.operators[3].extra.update(large_custom_options_size=4),
    "intermediates": lambda m: setattr(m.main.operators[3], "intermediates", (0,)),
}


@pytest.mark.parametrize("where", PLANTS)
def test_one_field_of_a_file(where: str) -> None:
    """Whatever the file says differently is said: nothing is called the same that is not."""
    a, b = load(to_bytes(quantized())), load(to_bytes(quantized()))
    for model in (a, b):
        if "metadata" in where:
            model.metadata.append(Metadata(name="conversion", buffer=model.add_buffer(b"x")))
    if "metadata" in where:
        b.metadata.pop()
    PLANTS[where](b)
    found = diff(a, b)
    changes = [*found.model, *found.graphs[0].borders, *(c for op in found.graphs[0].operators for c in op.changes)]
    assert not found.same
    assert any(where in f"{change.where} {change.what}" for change in changes), [str(change) for change in changes]


@needs_shared
@pytest.mark.parametrize("path", sorted(MODELS.glob("*.tflite")), ids=lambda path: path.stem)
def test_a_real_file_and_itself(path: Path) -> None:
    """Cells with a state, several subgraphs, float and integer: each is the same as itself read again."""
    assert diff(path, load(path)).same


def test_models_outside_of_their_graphs(tmp_path: Path) -> None:
    a, b = quantized(), quantized()
    b.description = "other"
    b.signatures = []
    b.subgraphs.append(b.main)
    assert [change.what for change in diff(a, b).model] == ["description", "signature serving_default", "subgraphs"]
    save(a, tmp_path / "a.tflite")
    assert diff(tmp_path / "a.tflite", a).same
    (tmp_path / "b.tflite").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        diff(tmp_path / "b.tflite", a)


@needs_shared
def test_a_float_model_and_the_file_that_another_quantizer_made_of_it() -> None:
    """MLPerf Tiny's ResNet, whose int8 file TFLiteConverter made, and a keyword spotter; all tensors are renamed."""
    found = diff(MODELS / "mlptiny_pretrainedResnet.tflite", MODELS / "mlptiny_pretrainedResnet_quant.tflite")
    assert (found.count("changed"), found.count("added"), found.count("removed")) == (16, 0, 0)

from __future__ import annotations

from qcore.quantizer import quantize
from qcore.quantizer.layout import Names
from qcore.tflite import load, to_bytes
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import AddOptions, BuiltinOperator, FullyConnectedOptions, SignatureDef, TensorMap


def test_names() -> None:
    names = Names()
    assert [names.unique("a"), names.unique("a"), names.unique("a1"), names.unique("a")] == ["a", "a1", "a11", "a2"]
    assert names.reserve("out") == "out"
    assert names.unique("out") == "out1"


def test_signatures_follow_their_tensors_and_are_sorted() -> None:
    graph = FloatGraph()
    x, y = graph.input((2, 3)), graph.input((2, 3))
    total = graph.op("ADD", [x, y], (2, 3), options=AddOptions())
    model = graph.model(graph.op("ABS", [total], (2, 3)), total)
    a, b = model.main.outputs
    model.signatures = [
        SignatureDef(
            signature_key="serving_default",
            inputs=[TensorMap(name="right", tensor_index=y), TensorMap(name="left", tensor_index=x)],
            outputs=[TensorMap(name="sum", tensor_index=b), TensorMap(name="abs", tensor_index=a)],
        )
    ]
    ours = check(load(to_bytes(model)), inference_input_type="uint8")
    assert ours is not None
    assert [entry.name for entry in ours.signatures[0].inputs] == ["left", "right"]


def test_one_version_for_every_use_of_an_operator() -> None:
    """The second layer alone would be version 4; keep_num_dims makes both 5."""
    graph = FloatGraph()
    inputs = [graph.input((2, 3, 4)), graph.random(4, 4), graph.random(4)]
    kept = graph.op("FULLY_CONNECTED", inputs, (2, 3, 4), options=FullyConnectedOptions(keep_num_dims=True))
    inputs = [graph.input((2, 4)), graph.random(4, 4), graph.random(4)]
    model = graph.model(kept, graph.op("FULLY_CONNECTED", inputs, (2, 4), options=FullyConnectedOptions()))
    ours = check(model)
    assert ours is not None
    assert {op.version for op in ours.main.operators if op.code == BuiltinOperator.FULLY_CONNECTED} == {5}


def test_the_given_model_stays_as_it_is() -> None:
    graph = FloatGraph()
    model = graph.model(graph.op("ADD", [graph.input((2, 3)), graph.random(2, 3)], (2, 3), options=AddOptions()))
    before = to_bytes(model)
    quantize(model, inference_input_type="int8")
    assert to_bytes(model) == before

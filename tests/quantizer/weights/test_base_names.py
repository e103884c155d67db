from __future__ import annotations

import pytest

from qcore.ir import Model
from qcore.quantizer.weights.base_names import Absent, base_names
from tests.quantizer.converter import FloatGraph
from tflite_schema import FullyConnectedOptions


def named(*names: str, bias: bool = True) -> Model:
    """FULLY_CONNECTED, ABS: tensors x, weight, bias, and the two results, renamed."""
    graph = FloatGraph()
    operands = [graph.input((2, 3)), graph.random(4, 3), graph.random(4) if bias else -1]
    y = graph.op("FULLY_CONNECTED", operands, (2, 4), options=FullyConnectedOptions())
    model = graph.model(graph.op("ABS", [y], (2, 4)))
    for tensor, name in zip(model.main.tensors, names, strict=True):
        tensor.name = name
    return model


def test_numbers_that_the_converter_gave_go() -> None:
    names = base_names(named("x", "dense/MatMul", "arith.constant3", "dense/MatMul1", "out"))[0]
    assert names.names == ["x", "dense/MatMul", "", "dense/MatMul", "out"]


def test_names_that_only_look_numbered_stay() -> None:
    names = base_names(named("x", "conv2", "conv3", "x2", "out"))[0]
    assert names.names == ["x", "conv2", "conv3", "x2", "out"]
    assert base_names(named("x", "a", "b", "a01", "out"))[0].names[3] == "a01"


@pytest.mark.parametrize(
    ("weight", "result", "absent"),
    [
        ("d/MatMul", "d/MatMul;d/Relu", Absent("d/MatMul", 1, before=False)),
        ("d/MatMul1", "d/MatMul2", Absent("d/MatMul", 1, before=True)),
        ("d/ReadVariableOp", "d/MatMul", None),
    ],
)
def test_a_bias_left_off_takes_a_name(weight: str, result: str, absent: Absent | None) -> None:
    assert base_names(named("x", weight, result, "out", bias=False))[0].absent == absent

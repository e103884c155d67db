from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import UnsupportedError
from qcore.ir import QuantParams
from qcore.quantizer import quantize
from qcore.quantizer.program import Value
from qcore.quantizer.weights.base_names import base_names
from qcore.quantizer.weights.source import Source, read_graph
from tests.quantizer.converter import FloatGraph
from tests.quantizer.weights.graphs import build, dense, several_results, svdf
from tflite_schema import BuiltinOperator, FullyConnectedOptions


def read(graph: FloatGraph, *outputs: int) -> Source:
    model = graph.model(*outputs)
    return read_graph(model, 0, base_names(model)[0])


def names(source: Source) -> list[str]:
    return [item.name if isinstance(item, Value) else str(item) for item in source.block]


def test_constants_stand_in_the_order_of_the_file() -> None:
    graph = FloatGraph()
    bias, weight = graph.random(4), graph.random(4, 3)
    y = graph.op("FULLY_CONNECTED", [graph.input((2, 3)), weight, bias], (2, 4), options=FullyConnectedOptions())
    source = read(graph, y)
    assert names(source) == [f"constant{bias}", f"constant{weight}"]
    assert {value.name: numbers.shape for value, numbers in source.floats.items()} == {
        f"constant{bias}": (4,),
        f"constant{weight}": (4, 3),
    }


def test_results_of_one_operator_share_a_name() -> None:
    model = build(several_results)
    source = read_graph(model, 0, base_names(model)[0])
    split = source.program.lines[0]
    assert len({value.name for value in split.outputs}) == 1


def test_a_variable_is_a_constant_of_zeros() -> None:
    model = build(svdf)
    source = read_graph(model, 0, base_names(model)[0])
    state = next(value for value in source.floats if value.tensor.is_variable)
    assert not source.floats[state].any()


def test_what_the_file_holds_quantized_is_no_part_of_the_block() -> None:
    graph = FloatGraph()
    weight = graph.constant(np.ones((4, 3)), np.int8)
    graph.graph.tensors[weight].quant = QuantParams.of(0.5)
    y = graph.op("FULLY_CONNECTED", [graph.input((2, 3)), weight, -1], (2, 4), options=FullyConnectedOptions())
    assert names(read(graph, y)) == []


def test_an_operator_without_an_op_file_is_refused_with_its_place() -> None:
    model = build(dense)
    model.main.operators[0].code = BuiltinOperator.DELEGATE
    with pytest.raises(UnsupportedError, match="subgraph 0, operator 0 DELEGATE"):
        quantize(model, "float16")

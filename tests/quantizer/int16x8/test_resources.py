"""Resource variables: written, read, and initialized by another graph."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model, Operator
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests.quantizer.converter import FloatGraph
from tests.quantizer.int16x8.converter import check, run_equal
from tflite_schema import (
    AddOptions,
    AssignVariableOptions,
    BuiltinOperator,
    CallOnceOptions,
    ReadVariableOptions,
    TensorType,
    VarHandleOptions,
)

X = (1, 4)


def handle(g: FloatGraph) -> int:
    options = VarHandleOptions(shared_name="v")
    tensor: int = g.op("VAR_HANDLE", [], (), options=options, ranged=False)
    g.graph.tensors[tensor].type = TensorType.RESOURCE
    return tensor


def assign(g: FloatGraph, variable: int, value: int) -> None:
    code = BuiltinOperator.ASSIGN_VARIABLE
    g.graph.operators.append(Operator(code, (variable, value), (), AssignVariableOptions()))


def accumulator(*, constant: bool = False, moved: bool = False) -> Model:
    """An output that adds what a variable held; then the variable gets a new value."""
    g = FloatGraph(1)
    x, variable = g.op("RELU", [g.input(X)], X), handle(g)
    held = g.op("READ_VARIABLE", [variable], X, options=ReadVariableOptions())
    y = g.op("ADD", [held, x], X, options=AddOptions())
    if moved:
        x = g.op("REVERSE_V2", [x, g.constant([1], np.int32)], X)
    assign(g, variable, g.random(*X) if constant else x)
    return g.model(y)


@pytest.mark.parametrize("constant", [False, True])
def test_equals_the_converter(constant: bool) -> None:
    ours = check(accumulator(constant=constant))
    assert ours is not None
    held, written = (
        ours.main.tensors[tensor].quant
        for op in ours.main.operators
        for tensor in ((op.outputs if op.name == "READ_VARIABLE" else op.inputs[1:]) if "VARIABLE" in op.name else ())
    )
    assert held is not None
    assert held.same_as(written)


def test_a_graph_that_initializes() -> None:
    """The main graph calls it once; its constant has the range of the variable."""
    model = accumulator()
    g = FloatGraph(2)
    assign(g, handle(g), g.random(*X))
    model.subgraphs.append(load(to_bytes(Model([g.graph], g.content.buffers))).main)
    offset = len(model.buffers)
    model.buffers += g.content.buffers
    graph = model.subgraphs[1]
    graph.name = "init"
    for tensor in graph.tensors:
        tensor.buffer += offset
    once = CallOnceOptions(init_subgraph_index=1)
    model.main.operators.insert(0, Operator(BuiltinOperator.CALL_ONCE, (), (), once))
    ours = check(load(to_bytes(model)))
    assert ours is not None
    assert run_equal(ours) > 0


def test_a_variable_in_two_scales_is_refused() -> None:
    """TensorFlow writes the scale of an operand that was only moved, and reads it as another."""
    with pytest.raises(
        QuantizationError, match=r"operator 5 ASSIGN_VARIABLE: variable 'v' holds INT16 .* in different"
    ):
        quantize(accumulator(moved=True), "int16x8")
    with pytest.raises(
        QuantizationError, match="variable 'v' holds FLOAT32 of 'read_variable_2' and INT16 of 'relu_0'"
    ):
        quantize(accumulator(), "int16x8", denylisted_ops=["READ_VARIABLE"])
    names = ["READ_VARIABLE", "ASSIGN_VARIABLE"]
    ours = quantize(accumulator(moved=True), "int16x8", denylisted_ops=names)
    assert [ours.main.tensors[op.outputs[0]].type for op in ours.main.operators if op.name == names[0]] == [
        TensorType.FLOAT32
    ]

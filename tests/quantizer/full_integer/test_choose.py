"""Which operators compute in integers, where the converter's way of finding them shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.ir import Model
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import (
    AddOptions,
    ArgMaxOptions,
    BuiltinOperator,
    NegOptions,
    Padding,
    Pool2DOptions,
    SplitOptions,
    TensorType,
    TransposeConvOptions,
)

X = (1, 4, 4, 4)
POOL = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)


def types(model: Model | None, name: str) -> set[TensorType]:
    assert model is not None
    operator = next(op for op in model.main.operators if op.code == BuiltinOperator[name])
    return {model.main.tensors[tensor].type for tensor in (*operator.inputs[:1], *operator.outputs[:1])}


def arg_max(graph: FloatGraph, x: int) -> int:
    options = ArgMaxOptions(output_type=TensorType.INT32)
    return int(graph.op("ARG_MAX", [x, graph.constant(3, np.int32)], X[:3], options=options, dtype=np.int32))


@pytest.mark.parametrize(("maker", "options"), [("MAX_POOL_2D", POOL), ("RELU", None)])
@pytest.mark.parametrize("reader", ["output", "before", "after"])
def test_arg_max_beside_a_reader_in_float(maker: str, options: Any, reader: str) -> None:
    """It is found from its operand, past readers in float or not: that depends on where the operand's range is from."""
    graph = FloatGraph()
    x = graph.op(maker, [graph.input(X)], X, options=options)
    outputs = [x] if reader == "output" else []
    if reader == "before":
        outputs.append(graph.op("NEG", [x], X, options=NegOptions()))
    outputs.append(arg_max(graph, x))
    if reader == "after":
        outputs.append(graph.op("NEG", [x], X, options=NegOptions()))
    check(graph.model(*outputs))


def test_a_constant_shared_with_an_operator_in_float() -> None:
    for names in (("ADD", "POW"), ("POW", "ADD")):
        graph = FloatGraph()
        constant, x = graph.random(1, 1, 1, 4), graph.input(X)
        for name in names:
            x = graph.op(name, [x, constant], X, options=AddOptions() if name == "ADD" else None)
        assert types(check(graph.model(x)), "ADD") == {TensorType.INT8}


def test_a_type_that_spread_onto_a_float_result_is_lost() -> None:
    """MINIMUM's range replaces that of its operand, but NEG cannot write it; so MINIMUM stays in float."""
    graph = FloatGraph()
    x = graph.input(X)
    y = graph.op("MINIMUM", [graph.op("NEG", [x], X, options=NegOptions()), x], X)
    assert types(check(graph.model(y)), "MINIMUM") == {TensorType.FLOAT32}


def test_a_result_nobody_reads() -> None:
    """The converter answers both int8 and float here, by chance; we quantize."""
    graph = FloatGraph()
    parts = graph.op(
        "SPLIT",
        [graph.constant(3, np.int32), graph.input(X)],
        (1, 4, 4, 2),
        (1, 4, 4, 2),
        options=SplitOptions(num_splits=2),
    )
    model = graph.model(graph.op("LOGISTIC", parts[:1], (1, 4, 4, 2)))
    assert types(check(model, attempts=60), "SPLIT") >= {TensorType.INT8}


@pytest.mark.parametrize("name", ["conv", "node"])
def test_denylists(name: str) -> None:
    graph = FloatGraph()
    x = graph.op("ADD", [graph.input(X), graph.random(1, 1, 1, 4)], X, options=AddOptions())
    x = graph.op("MAX_POOL_2D", [x], X, options=POOL)
    shape = graph.constant(X, np.int32)
    inputs = [shape, graph.random(4, 1, 1, 4), x]
    y = graph.op("TRANSPOSE_CONV", inputs, X, options=TransposeConvOptions(stride_w=1, stride_h=1))
    model = graph.model(graph.op("LOGISTIC", [y], X))
    if name == "conv":
        assert types(check(model, denylisted_ops=["TRANSPOSE_CONV"]), "LOGISTIC") == {TensorType.INT8}
    else:
        node = model.main.tensors[x].name
        assert types(check(model, denylisted_nodes=[node]), "MAX_POOL_2D") == {TensorType.FLOAT32}

"""Conversions that do nothing or too much, and float operators among integers."""

from __future__ import annotations

import numpy as np

from qcore import quantize
from qcore.edit import add_tensor, insert_operator, rewire
from qcore.ir import Model, Operator, QuantParams, Tensor
from qcore.quantizer import Recipe, Rule
from tests.auditor.lint.good import Plant, Plants, Rng, digits, finds, float_digits, found, pick, quant_of
from tflite_schema import BuiltinOperator, TensorType

QUANTIZE, DEQUANTIZE = BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE
Stage = tuple[BuiltinOperator, TensorType, float]


def _insert(*stages: Stage) -> Plant:
    """Put operators behind a result in the middle: (code, type of the result, its scale as a multiple)."""

    def plant(model: Model, rng: Rng) -> None:
        graph = model.main
        at = pick([i for i, op in enumerate(graph.operators) if op.name in ("CONV_2D", "ADD", "MAX_POOL_2D")], rng)
        first = graph.operators[at].outputs[0]
        original = graph.tensors[first]
        quant, tensor = quant_of(model, first), first
        readers = [i for i, op in enumerate(graph.operators) if first in op.inputs]
        made: list[Operator] = []
        for code, type_, factor in stages:
            own = None if type_ == TensorType.FLOAT32 else QuantParams.of(quant.scale * factor, quant.zero_point)
            new = add_tensor(graph, Tensor(f"{original.name}/{len(made)}", original.shape, type_, 0, own))
            made.append(Operator(code, (tensor,), (new,), version=2))
            tensor = new
        rewire(graph, first, tensor, operators=readers)
        for operator in reversed(made):
            insert_operator(graph, at + 1, operator)

    return plant


def _rounded_input(model: Model, rng: Rng) -> None:
    """Round the input to int8 and back before it is quantized."""
    graph = model.main
    x = graph.tensors[graph.inputs[0]]
    middle = add_tensor(
        graph, Tensor("middle", x.shape, TensorType.INT8, 0, QuantParams.of(rng.uniform(0.01, 1), -128))
    )
    rounded = add_tensor(graph, Tensor("rounded", x.shape, TensorType.FLOAT32))
    rewire(graph, graph.inputs[0], rounded)
    insert_operator(graph, 0, Operator(DEQUANTIZE, (middle,), (rounded,), version=2))
    insert_operator(graph, 0, Operator(QUANTIZE, (graph.inputs[0],), (middle,)))


INT8, FLOAT = TensorType.INT8, TensorType.FLOAT32
PLANTS: Plants = {
    "QL701": [
        ("int8", _insert((DEQUANTIZE, FLOAT, 1), (QUANTIZE, INT8, 1))),
        ("int8", _insert((QUANTIZE, INT8, 1))),
        ("int8", _rounded_input),
    ],
    "QL702": [("int8", _insert((QUANTIZE, INT8, 2), (QUANTIZE, INT8, 1)))],
    "QL703": [
        ("int8", _insert((DEQUANTIZE, FLOAT, 1), (code, FLOAT, 1), (QUANTIZE, INT8, 1)))
        for code in (BuiltinOperator.ABS, BuiltinOperator.COS)
    ],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_a_shift_of_the_zero_point_alone_rounds_nothing() -> None:
    model = digits()
    _insert((QUANTIZE, INT8, 2), (QUANTIZE, TensorType.UINT8, 2))(model, np.random.default_rng(0))
    assert not found(model, "QL702")


def test_reasons_for_float() -> None:
    model, ranges = float_digits()
    recipe = Recipe("mixed", "int8", rules=[Rule("float", operators=["SOFTMAX", "CONV_2D"])])
    findings = found(quantize(model, recipe, ranges), "QL703")
    assert [finding.place.operator_name for finding in findings] == ["CONV_2D", "CONV_2D", "CONV_2D", "SOFTMAX"]
    assert all("TensorFlow quantizes it under int8" in finding.message for finding in findings)
    odd = digits()
    _insert((DEQUANTIZE, FLOAT, 1), (BuiltinOperator.COS, FLOAT, 1), (QUANTIZE, INT8, 1))(odd, np.random.default_rng(0))
    assert "TFLite has no integer kernel for it" in found(odd, "QL703")[0].message

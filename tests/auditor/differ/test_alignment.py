from __future__ import annotations

import random

from qcore.auditor.differ.alignment import align, constant_behind
from qcore.ir import Operator, QuantParams, Subgraph, Tensor
from tests.auditor.differ.pairs import float_model, quantized
from tflite_schema import BuiltinOperator, TensorType

B = BuiltinOperator


def graph(*operators: tuple[BuiltinOperator, str]) -> Subgraph:
    """A chain of operators with one operand and one result each, named as given."""
    tensors = [Tensor("in", (1, 4), TensorType.FLOAT32)]
    tensors += [Tensor(name, (1, 4), TensorType.FLOAT32) for _, name in operators]
    made = [Operator(code, (i,), (i + 1,)) for i, (code, _) in enumerate(operators)]
    return Subgraph("main", tensors, made, (0,), (len(operators),))


def test_what_was_inserted_stands_alone_and_renamed_operators_match() -> None:
    a = graph((B.CONV_2D, "one"), (B.CONV_2D, "two"), (B.ADD, "three"))
    b = graph((B.QUANTIZE, "q"), (B.CONV_2D, "x"), (B.CONV_2D, "two"), (B.DEQUANTIZE, "d"), (B.ADD, "y"))
    both = align(a, b)
    assert both.operators == ((None, 0), (0, 1), (1, 2), (None, 3), (2, 4))
    assert both.same_source(0, 1), "the input, and what QUANTIZE makes of it"
    assert both.same_source(2, 4), "the operand of ADD, behind a DEQUANTIZE"
    assert not both.same_source(1, 4)


def test_a_name_outweighs_the_place() -> None:
    """Of three equal convolutions the middle one is gone; names say so."""
    a = graph((B.CONV_2D, "one"), (B.CONV_2D, "two"), (B.CONV_2D, "three"))
    b = graph((B.CONV_2D, "one"), (B.CONV_2D, "three"))
    assert align(a, b).operators == ((0, 0), (1, None), (2, 1))


def test_operators_that_changed_places() -> None:
    a = graph((B.RELU, "one"), (B.TANH, "two"), (B.ABS, "three"))
    b = graph((B.TANH, "two"), (B.ABS, "three"), (B.RELU, "one"))
    assert set(align(a, b).operators) == {(0, 2), (1, 0), (2, 1)}


def test_every_operator_stands_exactly_once() -> None:
    rng = random.Random(7)
    codes = [B.CONV_2D, B.ADD, B.QUANTIZE, B.RESHAPE]
    for _ in range(200):
        sides = [
            graph(*[(rng.choice(codes), rng.choice("abcdefgh")) for _ in range(rng.randint(0, 8))]) for _ in range(2)
        ]
        both = align(*sides)
        for side, place in zip(sides, (0, 1), strict=True):
            found = [index for pair in both.operators if (index := pair[place]) is not None]
            assert sorted(found) == list(range(len(side.operators)))
        for i, j in both.operators:
            if i is not None and j is not None:
                assert sides[0].operators[i].code == sides[1].operators[j].code


def test_constants_behind_a_dequantize() -> None:
    model = quantized("weight_only_int8")
    (dense,) = (op for op in model.main.operators if op.name == "FULLY_CONNECTED")
    weights = constant_behind(model, model.main, dense.inputs[1], model.main.producers())
    assert weights is not None
    assert model.main.tensors[weights].type == TensorType.INT8
    assert isinstance(model.main.tensors[weights].quant, QuantParams)
    whole = float_model()
    assert constant_behind(whole, whole.main, whole.main.inputs[0], whole.main.producers()) is None
    assert constant_behind(whole, whole.main, -1, {}) is None

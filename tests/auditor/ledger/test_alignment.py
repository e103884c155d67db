from __future__ import annotations

import pytest

from qcore import QuantizationError
from qcore.auditor.ledger import account
from qcore.auditor.ledger.alignment import align, operand_pairs
from qcore.edit import insert_operator, rewire
from qcore.ir import Operator, Tensor
from tests.auditor.ledger.models import network, pair, samples
from tests.graphs import chain_of_adds
from tflite_schema import BuiltinOperator, FakeQuantOptions, TensorType


def test_a_model_stands_for_itself() -> None:
    found = align(network(), network())
    assert found.twins == {i: i for i in range(7)}
    assert found.tensors[network().main.outputs[0]] == network().main.outputs[0]
    assert not found.conversions
    assert not found.unmatched


def test_conversions_of_activations_stand_for_what_they_convert() -> None:
    quantized, model = pair("int8")
    found = align(quantized, model)
    assert found.twins == {i + 1: i for i in range(7)}
    assert found.conversions == {0, 8}
    assert found.tensors[quantized.main.operators[0].outputs[0]] == model.main.inputs[0]
    assert found.tensors[quantized.main.outputs[0]] == model.main.outputs[0]


def test_conversions_of_constants_are_constants() -> None:
    quantized, model = pair("float16")
    found = align(quantized, model)
    assert [quantized.main.operators[i].name for i in found.twins] == [op.name for op in model.main.operators]
    assert quantized.main.operators[0].outputs[0] in found.constants
    assert not found.conversions
    assert not found.unmatched


def test_names_tell_operators_of_one_kind_apart() -> None:
    """Of three equal operators the first was dropped; the other two still find their own."""
    whole, less = chain_of_adds(), chain_of_adds()
    whole.main.tensors.append(Tensor("before", (1, 3), TensorType.FLOAT32))
    first = Operator(BuiltinOperator.ADD, (0, 0), (4,), whole.main.operators[0].options)
    insert_operator(whole.main, 0, first)
    found = align(less, whole)
    assert found.twins == {0: 1, 1: 2}


def test_names_may_differ() -> None:
    model = network()
    for tensor in model.main.tensors:
        tensor.name = "other_" + tensor.name
    assert align(model, network()).twins == {i: i for i in range(7)}


def test_an_operator_that_reads_something_else_is_not_matched() -> None:
    other = chain_of_adds()
    other.main.operators[1].inputs = (2, 2)
    found = align(other, chain_of_adds())
    assert found.twins == {0: 0}
    assert found.unmatched == [1]


def test_a_constant_for_an_activation_is_not_matched() -> None:
    other = chain_of_adds()
    other.main.operators[0].inputs = (0, 0)
    with pytest.raises(QuantizationError, match="no operator"):
        align(other, chain_of_adds())


def test_a_bias_may_have_been_added() -> None:
    other = network()
    dense = other.main.operators[5]
    dense.inputs = dense.inputs[:2]
    assert operand_pairs(network().main.operators[5], dense)[-1][1] == -1
    assert align(network(), other).twins == {i: i for i in range(7)}
    assert align(other, network()).unmatched == [5, 6]


def test_models_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(QuantizationError, match="inputs of the quantized model have shapes"):
        align(chain_of_adds(), network())
    other = chain_of_adds()
    other.main.operators = [Operator(BuiltinOperator.MUL, op.inputs, op.outputs) for op in other.main.operators]
    with pytest.raises(QuantizationError, match="no operator"):
        align(other, chain_of_adds())


def test_the_weights_of_the_float_model_are_known() -> None:
    model = network()
    found = align(model, model)
    assert {model.main.tensors[t].type for t in found.exact_constants} == {TensorType.FLOAT32}
    assert len(found.exact_constants) == 6


def test_fake_quantization_stands_for_what_it_quantizes() -> None:
    """The float model of quantization-aware training: FAKE_QUANT behind the first operator and behind a weight."""
    model = network()
    g = model.main
    for source in (g.operators[0].outputs[0], g.operators[1].inputs[1]):
        g.tensors.append(Tensor(f"faked{source}", g.tensors[source].shape, TensorType.FLOAT32))
        result = len(g.tensors) - 1
        rewire(g, source, result)
        options = FakeQuantOptions(min=-6.0, max=6.0, num_bits=8)
        insert_operator(g, 1, Operator(BuiltinOperator.FAKE_QUANT, (source,), (result,), options))
    found = align(network(), model)
    assert list(found.twins.values()) == [0, 3, 4, 5, 6, 7, 8]
    assert result in found.exact_constants
    ledger = account(network(), model, samples(2), probes=2)
    assert [entry.name for entry in ledger.entries if entry.own > 0] == ["CONV_2D"]


def test_a_quantized_model_is_no_float_model() -> None:
    quantized, model = pair("int8")
    for other in (model, quantized):
        with pytest.raises(QuantizationError, match=r"operator 1 CONV_2D: computes with integers.*before it was quant"):
            align(other, quantized)

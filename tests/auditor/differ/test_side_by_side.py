from __future__ import annotations

import pytest

from qcore import load, quantize
from qcore.auditor.differ.side_by_side import Treatment, side_by_side
from qcore.quantizer.edge_quantizer import recipe_of
from tests.auditor.differ.pairs import float_model, quantized
from tests.oracle import MODELS, needs_shared


def treatments(recipe: str) -> dict[int, Treatment]:
    found = side_by_side(quantized(recipe), quantized(), float_model())
    return {entry.operator: entry.a for entry in found.operators if entry.a is not None}


@pytest.mark.parametrize(
    ("recipe", "scheme", "weights", "granularity"),
    [
        ("int8", "int8", "int8", "10 scales along axis 0"),
        ("int16x8", "int16x8", "int8", "10 scales along axis 0"),
        ("dynamic_range", "dynamic range", "int8", "10 scales along axis 0"),
        ("weight_only_int8", "weight only", "int8", "10 scales along axis 0"),
        ("float16", "float16", "float16", None),
    ],
)
def test_schemes(recipe: str, scheme: str, weights: str, granularity: str | None) -> None:
    dense = treatments(recipe)[7]
    assert (dense.scheme, dense.weight_type, dense.granularity) == (scheme, weights, granularity)
    assert dense.weight_sqnr is not None
    assert 40 < dense.weight_sqnr < 90
    assert ("DEQUANTIZE" in dense.before) == (recipe in ("weight_only_int8", "float16"))


def test_the_same_done_twice() -> None:
    found = side_by_side(quantized(), quantized(), float_model())
    assert (found.same, found.differing) == (True, 0)
    assert found.added_a == found.added_b == {"DEQUANTIZE": 1, "QUANTIZE": 1}
    assert len(found.operators) == len(float_model().main.operators)


def test_the_converter_and_a_recipe_of_ai_edge_quantizer() -> None:
    """Static int8 of everything, but 4-bit weights and float activations in FULLY_CONNECTED, and SOFTMAX in float."""
    tensor = {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
    static = {"activation_tensor_config": tensor | {"symmetric": False, "granularity": "TENSORWISE"}}
    dynamic = {"weight_tensor_config": tensor | {"num_bits": 4}, "compute_precision": "INTEGER"}
    entry = {"regex": ".*", "algorithm_key": "min_max_uniform_quantize"}
    integer = static | {"weight_tensor_config": tensor, "compute_precision": "INTEGER"}
    recipe = recipe_of(
        [
            entry | {"operation": "*", "op_config": integer},
            entry | {"operation": "FULLY_CONNECTED", "op_config": dynamic},
            {"regex": ".*", "operation": "SOFTMAX", "algorithm_key": "no_quantize", "op_config": {}},
        ],
        "theirs",
    )
    found = side_by_side(quantized(), quantized(recipe), float_model())
    assert not found.same
    dense, softmax = found.operators[7], found.operators[8]
    assert dense.a is not None
    assert dense.b is not None
    assert (dense.a.scheme, dense.a.weight_type, dense.a.bias_type) == ("int8", "int8", "int32")
    assert (dense.b.scheme, dense.b.weight_type, dense.b.bias_type) == ("dynamic range", "int4", "float32")
    assert dense.b.before == ("DEQUANTIZE",)
    assert {change.what for change in dense.changes if change.where == "weights"} == {"type", "scale", "values"}
    assert "version" in {change.what for change in dense.changes if change.where == "operator"}
    assert dense.a.weight_sqnr is not None
    assert dense.b.weight_sqnr is not None
    assert dense.a.weight_sqnr - dense.b.weight_sqnr > 15
    assert softmax.b is not None
    assert (softmax.b.scheme, softmax.b.result_scale) == ("float32", None)
    assert all(not entry.changes for entry in found.operators[:7])
    assert found.added_b == {"DEQUANTIZE": 1, "QUANTIZE": 1}


@needs_shared
def test_the_converter_and_a_file_that_ai_edge_quantizer_made() -> None:
    """Weights alone of one float CNN. The converter leaves small weights in float and has no zero points."""
    whole = load(MODELS / "aeq_conv_fc_mnist.tflite")
    found = side_by_side(quantize(whole, "weight_only_int8"), MODELS / "aeq_mnist_quantized.tflite", whole)
    assert (found.added_a, found.added_b, found.differing) == ({"DEQUANTIZE": 1}, {"DEQUANTIZE": 3}, 3)
    schemes = {entry.operator: (entry.a and entry.a.scheme, entry.b and entry.b.scheme) for entry in found.operators}
    assert schemes == {
        0: ("float32", "weight only"),
        1: ("float32", "float32"),
        2: ("float32", "float32"),
        3: ("weight only", "weight only"),
        4: ("float32", "weight only"),
        5: ("float32", "float32"),
    }
    dense = found.operators[3]
    assert dense.a is not None
    assert dense.b is not None
    assert dense.a.granularity == dense.b.granularity == "32 scales along axis 0"
    assert dense.a.weight_sqnr == pytest.approx(39.4, abs=0.05)
    assert dense.b.weight_sqnr == pytest.approx(40.4, abs=0.05)
    changes = {f"{change.where} {change.what}": change.measures for change in dense.changes}
    assert changes["weights zero point"] == {"channels": 30, "of": 32}


@needs_shared
def test_a_file_of_another_training() -> None:
    """AI Edge Quantizer's static int8 of the same CNN, trained anew: its weights have nothing to do with these."""
    static = load(MODELS / "aeq_conv_fc_mnist_srq_a8w8.tflite")
    found = side_by_side(static, static, MODELS / "aeq_conv_fc_mnist.tflite")
    assert found.same
    assert {entry.a.scheme for entry in found.operators if entry.a is not None} == {"int8"}
    noise = [
        entry.a.weight_sqnr for entry in found.operators if entry.a is not None and entry.a.weight_sqnr is not None
    ]
    assert len(noise) == 3
    assert max(noise) < 0

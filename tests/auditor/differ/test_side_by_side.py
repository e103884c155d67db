from __future__ import annotations

import numpy as np
import pytest

from qcore import calibrate, load, quantize
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
def test_a_file_that_ai_edge_quantizer_made() -> None:
    """Its static int8 of a small CNN beside ours. Both are per channel; its file is of another training."""
    whole = load(MODELS / "aeq_conv_fc_mnist.tflite")
    rng = np.random.default_rng(0)
    ranges = calibrate(whole, [rng.random((1, 28, 28, 1), np.float32) for _ in range(3)])
    ours = quantize(whole, "int8", ranges, inference_input_type="int8", inference_output_type="int8")
    found = side_by_side(ours, MODELS / "aeq_conv_fc_mnist_srq_a8w8.tflite", whole)
    assert found.added_a == found.added_b == {}
    for entry in found.operators:
        assert entry.a is not None
        assert entry.b is not None
        assert (entry.a.scheme, entry.a.weight_type, entry.a.granularity, entry.a.bias_type) == (
            entry.b.scheme,
            entry.b.weight_type,
            entry.b.granularity,
            entry.b.bias_type,
        )
        if entry.b.weight_sqnr is not None:
            assert entry.b.weight_sqnr < 0

"""Recipes of AI Edge Quantizer: what they become, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from qcore.quantizer.edge_quantizer import recipe_of
from tests.quantizer.int16x8.converter import run_equal
from tests.quantizer.test_mixed import dense, layers, names
from tflite_schema import TensorType

ACTIVATION = {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"}
WIDE = {**ACTIVATION, "num_bits": 16, "symmetric": True}


def entry(kind: str, operation: str = "*", regex: str = ".*", bits: int = 8, **fields: Any) -> dict[str, Any]:
    """An entry as their files have it; `fields` replace those of op_config."""
    if kind == "none":
        return {"regex": regex, "operation": operation, "algorithm_key": "no_quantize"}
    weight = {"num_bits": bits, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
    only = kind == "weight_only"
    config: dict[str, Any] = {
        "weight_tensor_config": weight,
        "compute_precision": "FLOAT" if only else "INTEGER",
        "explicit_dequantize": only,
        "skip_checks": False,
        "min_weight_elements": 0,
    }
    if kind in ("static", "wide"):
        config["activation_tensor_config"] = ACTIVATION if kind == "static" else WIDE
    key = fields.pop("algorithm_key", "min_max_uniform_quantize")
    return {"regex": regex, "operation": operation, "algorithm_key": key, "op_config": config | fields}


def weight_field(**changes: Any) -> dict[str, Any]:
    return {"weight_tensor_config": entry("static")["op_config"]["weight_tensor_config"] | changes}


def test_their_example_of_a_mixed_recipe() -> None:
    """Static int8; the dense layers only store 4 bits; ADD is left alone."""
    recipe = recipe_of([entry("static"), entry("weight_only", "FULLY_CONNECTED", bits=4), entry("none", "ADD")], "mine")
    assert (recipe.scheme, recipe.inference_input_type, recipe.inference_output_type) == ("int8", "int8", "int8")
    made = quantize(layers(2), recipe)
    assert dense(made) == [("FLOAT32", "FLOAT32")] * 2
    assert [t.type for t in made.main.tensors].count(TensorType.INT4) == 2
    assert made.main.tensors[made.main.inputs[0]].type == TensorType.INT8
    assert run_equal(made) > 0


@pytest.mark.parametrize(("kind", "type_"), [("static", "INT8"), ("wide", "INT16")])
def test_static(kind: str, type_: str) -> None:
    """The ADD has no scheme with 4 bits, so it makes a float result: of int16x8, that must be asked for."""
    recipe = recipe_of([entry(kind, bits=4), entry("dynamic", regex="^fully_connected_1;")], "mine")
    made = quantize(layers(2), recipe, inference_output_type="float32")
    assert dense(made) == [(type_, "INT4"), ("FLOAT32", "INT8")]
    assert made.main.tensors[made.main.operators[-1].inputs[0]].type == TensorType.FLOAT32
    assert run_equal(made) > 0


def test_weights_alone() -> None:
    """An entry concerns the operators they support it for: the dynamic one not ADD, of 4 bits not every operator."""
    recipe = recipe_of([entry("dynamic", bits=4), entry("none", regex="connected_0;")], "mine")
    assert not recipe.needs_ranges
    made = quantize(layers(2), recipe)
    assert dense(made) == [("FLOAT32", "FLOAT32"), ("FLOAT32", "INT4")]
    assert names(made) == ["FULLY_CONNECTED", "FULLY_CONNECTED", "ADD"]


def test_the_elements_a_weight_has_at_least() -> None:
    for least, weight in ((0, "INT8"), (1025, "FLOAT32")):
        made = quantize(layers(1), recipe_of([entry("dynamic", min_weight_elements=least)], "mine"))
        assert dense(made) == [("FLOAT32", weight)]


def test_order() -> None:
    """By regex, at its first place; "*" replaces all entries of its regex."""
    first = [entry("none", "FULLY_CONNECTED", "a"), entry("dynamic", regex="b"), entry("weight_only", regex="a")]
    assert [(rule.scheme, rule.regex) for rule in recipe_of(first, "mine").rules] == [
        ("weight_only_int8", "a"),
        ("dynamic_range", "b"),
    ]


def test_methods_and_one_scale() -> None:
    fields = weight_field(granularity="TENSORWISE")
    recipe = recipe_of([entry("static", algorithm_key="OCTAV", **fields)], "mine")
    assert (recipe.weight_method, recipe.per_channel) == ("octav", False)


def test_the_border_stays_float() -> None:
    for entries in ([entry("static", "FULLY_CONNECTED")], [entry("static"), entry("none", "INPUT")]):
        assert recipe_of(entries, "mine").inference_input_type == "float32"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "the recipe has no entries"),
        ([3], "entry 0 is 3; it must be an object"),
        ([{"regex": ".*"}], "entry 0, operation is None: it must be a string"),
        ([entry("none"), entry("static") | {"color": 1}], "entry 1, color is 1: there is no such field"),
        *(
            ([entry("dynamic", algorithm_key=key)], f"entry 0, algorithm_key is '{key}': qcore has no such method")
            for key in ("GPTQ", "HADAMARD_ROTATION", "DECOMPOSED_HADAMARD_ROTATION", "OSCAR", "MSE", "float_casting")
        ),
        ([entry("dynamic", algorithm_key="OCTAV")], "entry 0, algorithm_key is 'OCTAV': qcore clips"),
        ([entry("dynamic", **weight_field(num_bits=2))], "weight_tensor_config is '2 bits"),
        ([entry("weight_only", **weight_field(symmetric=False))], "symmetric False': weights have 8 or 4 bits"),
        ([entry("dynamic", **weight_field(granularity="BLOCKWISE_32"))], "granularity is 'BLOCKWISE_32'"),
        ([entry("dynamic", **weight_field(block_size=32))], "weight_tensor_config.block_size is 32"),
        ([entry("dynamic", **weight_field(num_bits="8"))], "num_bits is '8': it must be of type int"),
        ([entry("dynamic", **weight_field(hessian=1))], "weight_tensor_config.hessian is 1: qcore has nothing"),
        ([entry("dynamic", weight_tensor_config=None)], "weight_tensor_config is None: it must be an object"),
        ([entry("dynamic", skip_checks=True)], "op_config.skip_checks is True"),
        ([entry("dynamic", speed=1)], "op_config.speed is 1: there is no such field"),
        ([entry("dynamic", min_weight_elements=-1)], "op_config.min_weight_elements is -1"),
        ([entry("static", min_weight_elements=5)], "op_config.min_weight_elements is 5"),
        ([entry("dynamic", explicit_dequantize=True)], "compute_precision is 'INTEGER': with explicit_dequantize True"),
        ([entry("static", compute_precision="FLOAT")], "compute_precision is 'FLOAT'"),
        ([entry("static", activation_tensor_config={**WIDE, "num_bits": 8})], "activation_tensor_config is '8 bits"),
        ([entry("static"), entry("wide", regex="a")], "entry 1, op_config is 'scheme int16x8': entry 0 has int8"),
        ([entry("static"), entry("static", regex="a", bits=4)], "'weight_bits 4': entry 0 has 8"),
        ([entry("dynamic", "ADD")], "entry 0, operation is 'ADD': AI Edge Quantizer has no dynamic_range of it"),
        ([entry("none", "ADDD")], "ADDD are no builtin operators"),
        ([entry("static", regex="(")], r"regex '\(' is none"),
        ([entry("static", "INPUT", "x")], "entry 0, regex is 'x': qcore decides about INPUT"),
    ],
)
def test_refusals(entries: list[Any], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        recipe_of(entries, "mine")

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import qcore
from qcore.errors import QuantizationError
from qcore.quantizer.recipe import RECIPES, Recipe, resolve
from tflite_schema import TensorType


@pytest.mark.parametrize(
    "given", ["int8", "INT8", np.int8, np.dtype("int8"), TensorType.INT8, SimpleNamespace(name="int8")]
)
def test_border_types_by_name_dtype_and_enum(given: object) -> None:
    """SimpleNamespace stands for tf.DType, which has a `name`."""
    recipe = Recipe("mine", inference_input_type=given)
    assert recipe.inference_input_type == "int8"
    assert recipe.input_type == TensorType.INT8
    assert recipe.output_type == TensorType.FLOAT32


@pytest.mark.parametrize("given", ["int16", np.int32, "float16", 7, None])
def test_other_border_types_are_refused(given: object) -> None:
    with pytest.raises(QuantizationError, match=r"inference_output_type is .*; it can be float32, int8, uint8"):
        Recipe("mine", inference_output_type=given)


def test_names_are_checked() -> None:
    with pytest.raises(QuantizationError, match="no scheme 'int5'; there are int8"):
        Recipe("mine", scheme="int5")
    with pytest.raises(QuantizationError, match="ADDD are no builtin operators"):
        Recipe("mine", denylisted_ops=frozenset({"ADDD"}))
    with pytest.raises(QuantizationError, match="denylisted_nodes is a string; give a list"):
        Recipe("mine", denylisted_nodes="softmax")  # type: ignore[arg-type]
    assert Recipe("mine", denylisted_ops=["add"]).denylisted_ops == {"ADD"}  # type: ignore[arg-type]


def test_resolve() -> None:
    assert resolve("int8", {}) is not None
    assert resolve("int8", {"per_channel": False}) == Recipe("int8", per_channel=False)
    assert resolve(Recipe("mine", strict=True), {"inference_input_type": None}) == Recipe("mine", strict=True)
    with pytest.raises(QuantizationError, match="no recipe 'int3'; there are int8"):
        resolve("int3", {})
    with pytest.raises(QuantizationError, match="a recipe has no per_chanel; it has name, scheme, per_channel"):
        resolve("int8", {"per_chanel": True})
    with pytest.raises(QuantizationError, match="a recipe is a name or a Recipe, not int"):
        resolve(3, {})  # type: ignore[arg-type]


def test_recipes_are_found_under_their_names() -> None:
    assert all(RECIPES[name].name == name for name in RECIPES)
    assert qcore.Recipe is Recipe

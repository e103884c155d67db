"""What the user asks for: the scheme, the granularity of scales, the types at the border, and what stays in float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qcore.errors import QuantizationError
from qcore.quantizer.weight_methods import WEIGHT_METHODS
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["RECIPES", "Recipe", "resolve"]

BORDER_TYPES: Mapping[str, tuple[str, ...]] = {
    "int8": ("float32", "int8", "uint8"),
    "int16x8": ("float32", "int16"),
}
"""Per scheme, the types that graph inputs and outputs may be given."""
BIAS_TYPES: Mapping[str, tuple[str, ...]] = {"int8": ("int32",), "int16x8": ("int64", "int32")}
"""Per scheme, the types of biases; the first is the converter's."""

CLIPPING_SCHEMES = frozenset({"int8", "int16x8"})
"""The schemes that a `weight_method` other than min_max works in."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to quantize a model.

    scheme: "int8" (int8 activations and weights, int32 biases) or "int16x8" (int16 activations, int8 weights, biases of
    `bias_type`: "int64" or "int32"). per_channel: weights have a scale per channel where the operator allows it;
    per_channel_dense: FULLY_CONNECTED too. inference_input_type, inference_output_type: "float32" (QUANTIZE and
    DEQUANTIZE at the border), "int8" or "uint8", for int16x8 "int16"; NumPy dtypes and tf.DType are accepted as well.
    denylisted_ops: builtin names ("ADD") that stay in float; denylisted_nodes: names of result tensors whose operators
    do. strict: refuse a model of which any operator would stay in float. weight_method: "min_max", "mse" or "octav",
    how large weights may be before they are clipped (see `weight_methods`).

    Raises QuantizationError for a scheme, a type or an operator name that does not exist.
    """

    name: str
    scheme: str = "int8"
    per_channel: bool = True
    per_channel_dense: bool = True
    inference_input_type: Any = "float32"
    inference_output_type: Any = "float32"
    denylisted_ops: frozenset[str] = frozenset()
    denylisted_nodes: frozenset[str] = frozenset()
    strict: bool = False
    weight_method: str = "min_max"
    bias_type: Any = None

    def __post_init__(self) -> None:
        if self.scheme not in BORDER_TYPES:
            raise QuantizationError(f"no scheme {self.scheme!r}; there are {', '.join(BORDER_TYPES)}")
        if self.weight_method not in WEIGHT_METHODS:
            raise QuantizationError(f"no weight_method {self.weight_method!r}; there are {', '.join(WEIGHT_METHODS)}")
        if self.weight_method != "min_max" and self.scheme not in CLIPPING_SCHEMES:
            raise QuantizationError(
                f"the scheme {self.scheme} does not clip weights; weight_method can only be min_max"
            )
        for field in ("inference_input_type", "inference_output_type"):
            object.__setattr__(self, field, _border_type(getattr(self, field), field, BORDER_TYPES[self.scheme]))
        bias_types = BIAS_TYPES.get(self.scheme, ())
        if self.bias_type is not None or bias_types:
            bias_type = bias_types[0] if self.bias_type is None else self.bias_type
            object.__setattr__(self, "bias_type", _border_type(bias_type, "bias_type", bias_types))
        for field in ("denylisted_ops", "denylisted_nodes"):
            if isinstance(getattr(self, field), str):
                raise QuantizationError(f"{field} is a string; give a list of names")
            object.__setattr__(self, field, frozenset(getattr(self, field) or ()))
        unknown = sorted(name for name in self.denylisted_ops if name.upper() not in BuiltinOperator.__members__)
        if unknown:
            raise QuantizationError(f"denylisted_ops: {', '.join(unknown)} are no builtin operators")
        object.__setattr__(self, "denylisted_ops", frozenset(name.upper() for name in self.denylisted_ops))

    @property
    def input_type(self) -> TensorType:
        """The schema type of graph inputs."""
        return TensorType[self.inference_input_type.upper()]

    @property
    def output_type(self) -> TensorType:
        """The schema type of graph outputs."""
        return TensorType[self.inference_output_type.upper()]


def resolve(recipe: str | Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """The recipe of that name, or the one given, with fields replaced; overrides of None count as not given."""
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise QuantizationError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    elif not isinstance(recipe, Recipe):
        raise QuantizationError(f"a recipe is a name or a Recipe, not {type(recipe).__name__}")
    given = {field: value for field, value in overrides.items() if value is not None}
    fields = Recipe.__dataclass_fields__
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise QuantizationError(f"a recipe has no {', '.join(unknown)}; it has {', '.join(fields)}")
    return replace(recipe, **given)


def _border_type(value: Any, field: str, allowed: tuple[str, ...]) -> str:
    """The name of a type given as a name, a NumPy dtype, a tf.DType or a TensorType."""
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if not isinstance(name, str):
        try:
            name = np.dtype(value).name
        except TypeError:
            name = repr(value)
    if name.lower() not in allowed:
        raise QuantizationError(f"{field} is {name}; it can be {', '.join(allowed)}")
    return name.lower()


RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (Recipe("int8"), Recipe("int16x8", "int16x8"))}
"""The recipes `quantize` knows by name."""

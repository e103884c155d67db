"""What the user asks for: the scheme, the granularity of scales, the types at the border, and what stays in float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qcore.errors import QuantizationError
from qcore.quantizer.four_bits import FOUR_BIT_SCHEMES
from qcore.quantizer.rule import ISLAND_SCHEMES, Rule
from qcore.quantizer.weight_methods import WEIGHT_METHODS
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["RECIPES", "TENSORFLOW_1", "WEIGHT_SCHEMES", "Recipe", "resolve"]

BORDER_TYPES: Mapping[str, tuple[str, ...]] = {
    "int8": ("float32", "int8", "uint8"),
    "int16x8": ("float32", "int16"),
    "qat": ("float32", "int8", "uint8"),
    "tf1_int8": ("float32", "int8"),
    "tf1_uint8": ("float32", "uint8"),
    "float16": ("float32",),
    "dynamic_range": ("float32",),
    "weight_only_int8": ("float32",),
    "float": ("float32",),
}
"""Per scheme, the types that graph inputs and outputs may be given."""
BIAS_TYPES: Mapping[str, tuple[str, ...]] = {
    "int8": ("int32",),
    "int16x8": ("int64", "int32"),
    "qat": ("int32",),
    "tf1_int8": ("int32",),
    "tf1_uint8": ("int32",),
}
"""Per scheme, the types of biases; the first is the converter's."""

CLIPPING_SCHEMES = frozenset({"int8", "int16x8", "dynamic_range", "weight_only_int8"})
"""The schemes that a `weight_method` other than min_max works in."""

WEIGHT_SCHEMES = frozenset({"float16", "dynamic_range", "weight_only_int8"})
"""The schemes that change weights only."""


MIXED_SCHEMES = ("int8", "int16x8", "float")
"""The schemes of which a recipe can have rules."""

TENSORFLOW_1 = ("tf1_int8", "tf1_uint8")
"""The schemes of the converter of TensorFlow 1."""

_SMALLEST_RANGE = 1e-6


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to quantize a model.

    scheme: "int8" (int8 activations and weights, int32 biases, from ranges), "int16x8" (int16 activations, int8
    weights, biases of `bias_type`: "int64" or "int32"), "qat" (int8 from the fake quantization of training),
    "tf1_uint8" and "tf1_int8" (as TensorFlow 1 did, inputs and outputs in that type too); or one that changes weights
    only and needs no ranges: "float16" (constants in half precision), "dynamic_range" (int8 weights, read by hybrid
    kernels where there are any), "weight_only_int8" (int8 weights that become float32 again before they are used).
    per_channel: weights have a scale per channel where the operator allows it; per_channel_dense: FULLY_CONNECTED too.
    inference_input_type, inference_output_type: "float32" (QUANTIZE and DEQUANTIZE at the border where activations are
    integers), "int8" or "uint8", for int16x8 "int16"; NumPy dtypes and tf.DType are accepted as well. denylisted_ops:
    builtin names ("ADD") that compute in float; denylisted_nodes: names of result tensors whose operators do. strict:
    refuse a model of which any operator (weights only: any constant of 1024 or more elements) would stay in float.
    weight_method: "min_max", "mse" or "octav", how large weights may be before they are clipped (see `weight_methods`);
    what a rule stores keeps "min_max".
    weight_bits: 8, or 4 for int4 weights of the operators that have kernels for them (see `four_bits`); strict then
    refuses a model with other weights. rules: of a mixed recipe; the last that matches an operator decides about it,
    `scheme` about the others; "float" is for recipes in which rules say all.

    Of the TensorFlow 1 schemes only: quantized_input_stats: input name -> (mean, standard deviation) with
    real = (q - mean) / deviation; default_ranges_stats: (min, max) of every tensor of which nothing else is known.

    Raises QuantizationError for a scheme, a type or an operator name that does not exist, and for numbers without
    meaning.
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
    weight_bits: int = 8
    rules: Sequence[Rule] = ()
    bias_type: Any = None
    quantized_input_stats: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    default_ranges_stats: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.scheme not in BORDER_TYPES:
            raise QuantizationError(f"no scheme {self.scheme!r}; there are {', '.join(BORDER_TYPES)}")
        if self.weight_method not in WEIGHT_METHODS:
            raise QuantizationError(f"no weight_method {self.weight_method!r}; there are {', '.join(WEIGHT_METHODS)}")
        if self.weight_method != "min_max" and self.scheme not in CLIPPING_SCHEMES:
            raise QuantizationError(
                f"the scheme {self.scheme} does not clip weights; weight_method can only be min_max"
            )
        self._check_weight_bits()
        self._check_rules()
        for name in ("inference_input_type", "inference_output_type"):
            object.__setattr__(self, name, _border_type(getattr(self, name), name, BORDER_TYPES[self.scheme]))
        bias_types = BIAS_TYPES.get(self.scheme, ())
        if self.bias_type is not None or bias_types:
            bias_type = bias_types[0] if self.bias_type is None else self.bias_type
            object.__setattr__(self, "bias_type", _border_type(bias_type, "bias_type", bias_types))
        for name in ("denylisted_ops", "denylisted_nodes"):
            if isinstance(getattr(self, name), str):
                raise QuantizationError(f"{name} is a string; give a list of names")
            object.__setattr__(self, name, frozenset(getattr(self, name) or ()))
        unknown = sorted(name for name in self.denylisted_ops if name.upper() not in BuiltinOperator.__members__)
        if unknown:
            raise QuantizationError(f"denylisted_ops: {', '.join(unknown)} are no builtin operators")
        object.__setattr__(self, "denylisted_ops", frozenset(name.upper() for name in self.denylisted_ops))
        self._check_tensorflow_1()

    def _check_weight_bits(self) -> None:
        if self.weight_bits not in (4, 8) or type(self.weight_bits) is not int:
            raise QuantizationError(f"weight_bits is {self.weight_bits!r}; it can be 8 or 4")
        if self.weight_bits == 4 and self.scheme not in FOUR_BIT_SCHEMES:
            raise QuantizationError(
                f"weight_bits is 4, and the scheme {self.scheme} has no 4-bit weights; "
                f"{', '.join(FOUR_BIT_SCHEMES)} have them"
            )

    def _check_rules(self) -> None:
        if not isinstance(self.rules, (list, tuple)) or not all(isinstance(rule, Rule) for rule in self.rules):
            raise QuantizationError("rules are a list of qcore.quantizer.Rule")
        object.__setattr__(self, "rules", tuple(self.rules))
        if self.scheme == "float" and not self.rules:
            raise QuantizationError("the scheme float quantizes nothing but what rules say; give rules")
        if not self.rules:
            return
        if self.scheme not in MIXED_SCHEMES:
            raise QuantizationError(f"rules go with {', '.join(MIXED_SCHEMES)}, not with the scheme {self.scheme}")
        for number, rule in enumerate(self.rules):
            if rule.scheme not in (self.scheme, *ISLAND_SCHEMES):
                raise QuantizationError(
                    f"rule {number} has the scheme {rule.scheme!r}; a recipe of scheme {self.scheme} can mix that with "
                    f"{', '.join(ISLAND_SCHEMES)}"
                )
        if self.denylisted_ops or self.denylisted_nodes:
            raise QuantizationError("a recipe has denylists and rules; say it with rules of scheme float alone")
        if self.strict:
            raise QuantizationError("strict lets no operator stay in float, and rules say which do; leave one out")

    def _check_tensorflow_1(self) -> None:
        is_tensorflow_1 = self.scheme in TENSORFLOW_1
        if not is_tensorflow_1 and (self.quantized_input_stats or self.default_ranges_stats is not None):
            raise QuantizationError(
                f"quantized_input_stats and default_ranges_stats belong to tf1_uint8 and tf1_int8, not to {self.scheme}"
            )
        if is_tensorflow_1 and self.inference_input_type != self.inference_output_type:
            raise QuantizationError(
                f"inference_input_type is {self.inference_input_type}, inference_output_type "
                f"{self.inference_output_type}; the converter of TensorFlow 1 gives both ends one type"
            )
        stats = {name: _pair(value, f"the stats of {name!r}") for name, value in self.quantized_input_stats.items()}
        for name, (_, deviation) in stats.items():
            if deviation <= 0:
                raise QuantizationError(f"the stats of {name!r} have deviation {deviation}; it must be above 0")
        object.__setattr__(self, "quantized_input_stats", stats)
        if self.default_ranges_stats is not None:
            low, high = _pair(self.default_ranges_stats, "default_ranges_stats")
            if not high - low > _SMALLEST_RANGE:
                raise QuantizationError(f"default_ranges_stats is {low} to {high}; give a smaller and a larger number")
            object.__setattr__(self, "default_ranges_stats", (low, high))

    @property
    def needs_ranges(self) -> bool:
        """Whether activations are quantized, and so the ranges they take must be known."""
        return self.scheme != "float" and self.scheme not in WEIGHT_SCHEMES

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


def _pair(value: Any, what: str) -> tuple[float, float]:
    """Two finite numbers, as float32: the converter stores them so."""
    try:
        first, second = (float(np.float32(number)) for number in value)
    except (TypeError, ValueError):
        raise QuantizationError(f"{what} is {value!r}; give two numbers") from None
    if not (np.isfinite(first) and np.isfinite(second)):
        raise QuantizationError(f"{what} is {value!r}; give two finite numbers")
    return first, second


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


RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("int8"),
        Recipe("int16x8", "int16x8"),
        Recipe("qat", "qat"),
        Recipe("tf1_int8", "tf1_int8", inference_input_type="int8", inference_output_type="int8"),
        Recipe("tf1_uint8", "tf1_uint8", inference_input_type="uint8", inference_output_type="uint8"),
        Recipe("float16", "float16"),
        Recipe("dynamic_range", "dynamic_range"),
        Recipe("weight_only_int8", "weight_only_int8"),
    )
}
"""The recipes `quantize` knows by name."""

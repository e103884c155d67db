"""A float model to a quantized one: a recipe names the scheme, and one folder or file carries each scheme out.

recipe           what the user asks for
corrections/     of constants, before quantizing and after
full_integer/    int8: activations, weights and biases in integers
int16x8/         int16 activations, int8 weights
fake_quant/      the same for models trained with fake quantization; uint8 as TensorFlow 1 had it
float_model      what a model must be to be quantized
weights/         float16, dynamic_range, weight_only_int8: weights only
imported         a float graph as the converter takes it in
program          a graph while it is rewritten
push_down        DEQUANTIZE moves behind what shrinks its input
hoisting         how the converter's rewritings move constants
layout           the new graph from the program: tensors, names and buffers
quantized_type   scale, zero_point and values of one tensor
finish           what concerns the whole file: shared buffers, metadata
recipe_file      recipes as JSON
edge_quantizer   recipes of AI Edge Quantizer
rule             one rule of a mixed recipe
mixed            recipes with rules: several schemes in one graph
blocks           int4 weights with a scale for each block of a row
four_bits        the weights that can be int4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qcore.calibration import Calibration
from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer.corrections import correct_biases, equalize
from qcore.quantizer.fake_quant import quantize_trained
from qcore.quantizer.float_model import require_float
from qcore.quantizer.full_integer import quantize_full_integer
from qcore.quantizer.full_integer.verify import QuantizationWarning
from qcore.quantizer.int16x8 import quantize_int16x8
from qcore.quantizer.mixed import quantize_mixed
from qcore.quantizer.recipe import RECIPES, WEIGHT_SCHEMES, Recipe, resolve
from qcore.quantizer.recipe_file import dump_recipe, load_recipe
from qcore.quantizer.rule import Rule
from qcore.quantizer.weights import quantize_weights

__all__ = [
    "RECIPES",
    "QuantizationWarning",
    "Recipe",
    "Rule",
    "correct_biases",
    "dump_recipe",
    "equalize",
    "load_recipe",
    "quantize",
]

Ranges = Calibration | Mapping[Any, tuple[Any, Any]] | None


def quantize(
    model: Model,
    recipe: str | Recipe = "int8",
    ranges: Ranges = None,
    *,
    inference_input_type: Any = None,
    inference_output_type: Any = None,
    **overrides: Any,
) -> Model:
    """A new, quantized model; the float model given stays as it is.

    recipe: a name in RECIPES or a Recipe; keyword arguments replace its fields (per_channel=False, denylisted_ops=...).
    ranges: what `calibrate` observed, or {tensor name or index: (min, max)}; None takes the ranges that a model
    calibrated by TensorFlow carries. inference_input_type, inference_output_type: "float32", "int8" or "uint8", NumPy
    dtypes or tf.DType; None: the recipe's, float32 by default.

    Given TensorFlow's ranges, the file equals TFLiteConverter's: tensors, parameters, constants, operators, order.
    CalibrationError: ranges are missing, not finite, or of another model. QuantizationError: the model is empty or
    already quantized, has NaN in its weights, asks for contradictory scales, or the recipe does not exist.
    UnsupportedError: an operator qcore has no rules for. Warns (QuantizationWarning) of a file that TFLite, given the
    converter's, computes wrongly or not at all.
    """
    chosen = resolve(
        recipe,
        {"inference_input_type": inference_input_type, "inference_output_type": inference_output_type} | overrides,
    )
    if chosen.rules:
        return _mixed(model, chosen, ranges)
    return SCHEMES[chosen.scheme](model, chosen, ranges)


def _calibration(model: Model, ranges: Ranges) -> Calibration:
    if ranges is None:
        return Calibration.from_model(model)
    if isinstance(ranges, Calibration):
        ranges.check(model)
        return ranges
    return Calibration.of(model, ranges)


def _full_integer(model: Model, recipe: Recipe, ranges: Ranges) -> Model:
    require_float(model)
    return quantize_full_integer(model, recipe, _calibration(model, ranges))


def _int16x8(model: Model, recipe: Recipe, ranges: Ranges) -> Model:
    require_float(model)
    return quantize_int16x8(model, recipe, _calibration(model, ranges))


def _trained(model: Model, recipe: Recipe, ranges: Ranges) -> Model:
    if ranges is not None:
        raise QuantizationError(f"{recipe.scheme} takes its ranges from the model's fake quantization; give no others")
    return quantize_trained(model, recipe)


def _weights(model: Model, recipe: Recipe, ranges: Ranges) -> Model:
    if ranges is not None:
        raise QuantizationError(f"recipe {recipe.name!r} changes weights only and takes no ranges; leave them out")
    return quantize_weights(model, recipe)


def _mixed(model: Model, recipe: Recipe, ranges: Ranges) -> Model:
    require_float(model)
    if not recipe.needs_ranges:
        if ranges is not None:
            raise QuantizationError(f"recipe {recipe.name!r} changes weights only and takes no ranges; leave them out")
        return quantize_mixed(model, recipe, quantize)
    calibration = _calibration(model, ranges)
    scheme = quantize_full_integer if recipe.scheme == "int8" else quantize_int16x8
    return quantize_mixed(model, recipe, lambda source, own: scheme(source, own, calibration))


SCHEMES: Mapping[str, Callable[[Model, Recipe, Ranges], Model]] = {
    "int8": _full_integer,
    "int16x8": _int16x8,
    "qat": _trained,
    "tf1_int8": _trained,
    "tf1_uint8": _trained,
    **dict.fromkeys(WEIGHT_SCHEMES, _weights),
}
"""What carries out each scheme a recipe can ask for."""

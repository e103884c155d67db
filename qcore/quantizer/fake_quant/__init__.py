"""Models trained with fake quantization, to integers, as TFLiteConverter makes them; and uint8 as TensorFlow 1 had it.

pairs         the parameters that training learnt, taken out of the float graph
fold          fake-quantized constants that only move
formulas      parameters with float64 scales
known_ranges  ranges of inputs, and of what nothing is known of, from the user
io_types      the types of graph inputs and outputs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qcore.errors import QuantizationError, UnsupportedError
from qcore.ir import Model
from qcore.op import Node, find
from qcore.quantizer.fake_quant.formulas import FORMULAS
from qcore.quantizer.fake_quant.io_types import set_io_types
from qcore.quantizer.fake_quant.known_ranges import input_pairs, set_default_range
from qcore.quantizer.fake_quant.pairs import take_pairs
from qcore.quantizer.float_model import require_float
from qcore.quantizer.full_integer.pipeline import build
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.full_integer.solve import Solution, solve
from qcore.quantizer.quantized_type import Formulas
from qcore.quantizer.recipe import Recipe
from tflite_schema import TensorType

__all__ = ["quantize_trained"]

_ACTIVATIONS: Mapping[str, TensorType] = {
    "qat": TensorType.INT8,
    "tf1_int8": TensorType.INT8,
    "tf1_uint8": TensorType.UINT8,
}


def quantize_trained(model: Model, recipe: Recipe, formulas: Formulas | None = None) -> Model:
    """A new model in integers with the parameters of the model's fake quantization; `formulas`: other arithmetic.

    Operators of which a tensor has no parameters stay in float, as with TensorFlow. QuantizationError if the model
    computes in integers already, or, for the scheme qat, holds no fake quantization.
    """
    formulas = formulas or FORMULAS[_ACTIVATIONS[recipe.scheme]]
    floats, pairs = take_pairs(model, formulas.type)
    require_float(floats)
    if recipe.scheme != "qat":
        pairs[0] = input_pairs(floats, recipe, formulas.type, pairs[0]) | pairs[0]
    elif not any(pairs):
        raise QuantizationError(
            "the model holds no fake quantization: neither QUANTIZE with DEQUANTIZE nor FAKE_QUANT. Train it with "
            "quantization awareness and convert it without optimizations, or take the recipe int8 with samples"
        )

    def solve_graph(source: Model, subgraph: int) -> tuple[Plan, Solution]:
        plan = make_plan(source, subgraph, recipe, formulas, pairs[subgraph])
        solution = solve(plan, {tensor: pair.type for tensor, pair in plan.pairs.items()})
        solution.lasting |= frozenset(plan.pairs)
        if recipe.default_ranges_stats is not None:
            set_default_range(plan, solution, recipe.default_ranges_stats)
        return plan, solution

    if recipe.scheme != "qat":
        result = build(floats, recipe, solve_graph)
        _require_uint8_kernels(result)
        return result
    in_float = replace(recipe, inference_input_type="float32", inference_output_type="float32")
    result = build(floats, in_float, solve_graph)
    set_io_types(result, recipe.input_type, recipe.output_type)
    return result


def _require_uint8_kernels(model: Model) -> None:
    """UnsupportedError for an operator that would compute in uint8 and has no kernel for it; many have one for int8."""
    for subgraph, index, operator in model.walk():
        node = Node.of(model, subgraph, index)
        if any(tensor is not None and tensor.type == TensorType.UINT8 for tensor in (*node.inputs, *node.outputs)):
            try:
                find(operator.code, operator.custom_code).variant(node)
            except UnsupportedError as error:
                raise UnsupportedError(
                    f"{error}; TensorFlow writes it nevertheless, and no runtime runs it. Take tf1_int8, or keep the "
                    "operator in float with denylisted_ops"
                ) from None

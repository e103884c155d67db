"""Ranges that the user knows: of the inputs, and of everything of which nothing else is known.

    input    real = (q - mean) / deviation, so its range is (q_min - mean) / deviation to (q_max - mean) / deviation
    default  one range for each activation without parameters; biases follow from it
TensorFlow: tf_tfl_flatbuffer_helpers.cc, InputStatsToMinMax; prepare_quantize.cc, SetInputNodesQuantizationParams;
default_quant_params.cc
"""

from __future__ import annotations

from dataclasses import replace

from qcore.errors import QuantizationError
from qcore.ir import DTYPES, Model
from qcore.numerics.affine import integer_range
from qcore.quantizer.fake_quant.formulas import range_type
from qcore.quantizer.full_integer.plan import Pair, Plan
from qcore.quantizer.full_integer.solve import Solution
from qcore.quantizer.recipe import Recipe
from tflite_schema import TensorType

__all__ = ["input_pairs", "set_default_range"]


def input_pairs(model: Model, recipe: Recipe, type_: TensorType, known: dict[int, Pair]) -> dict[int, Pair]:
    """Pairs for the inputs of the main graph that have none: input -> its pair, by its name or that in a signature.

    QuantizationError for an input without stats, and for stats of something that is no float input.
    """
    graph = model.main
    floats = [tensor for tensor in graph.inputs if graph.tensors[tensor].type == TensorType.FLOAT32]
    called = {tensor: {graph.tensors[tensor].name} for tensor in floats}
    for signature in model.signatures:
        for entry in (signature.inputs or []) if signature.subgraph_index == 0 else []:
            called.get(int(entry.tensor_index), set()).add(entry.name or "")
    unknown = set(recipe.quantized_input_stats) - {name for names in called.values() for name in names}
    if unknown:
        names = ", ".join(repr(graph.tensors[tensor].name) for tensor in floats)
        raise QuantizationError(f"quantized_input_stats of {', '.join(sorted(unknown))}: the float inputs are {names}")
    pairs = {}
    low, high = integer_range(DTYPES[type_])
    for tensor in floats:
        stats = [recipe.quantized_input_stats[name] for name in called[tensor] if name in recipe.quantized_input_stats]
        if tensor in known:
            continue
        if not stats:
            raise QuantizationError(
                f"input {graph.tensors[tensor].name!r} has no fake quantization and no stats; give its mean and "
                f"standard deviation: quantized_input_stats={{{graph.tensors[tensor].name!r}: (127.5, 127.5)}}"
            )
        mean, deviation = stats[0]
        unnamed = replace(graph.tensors[tensor], name="")
        pairs[tensor] = Pair(
            range_type((low - mean) / deviation, (high - mean) / deviation, type_), 0, unnamed, unnamed
        )
    return pairs


def set_default_range(plan: Plan, solution: Solution, bounds: tuple[float, float]) -> None:
    """Give graph inputs, results of quantizable operators and constants without a type this range; biases theirs."""
    default = range_type(*bounds, plan.formulas.type)
    biases = _biases(plan)
    results = [
        tensor
        for index, operator in enumerate(plan.graph.operators)
        if plan.quantizable(index)
        for tensor in operator.outputs
    ]
    candidates = [*plan.graph.inputs, *results, *plan.values]
    chosen = {
        tensor: default
        for tensor in candidates
        if plan.is_float(tensor) and tensor not in solution.types and tensor not in biases
    }
    solution.types.update(chosen)
    for tensor, index in biases.items():
        found = plan.rules[index].bias_operand
        if found is None or tensor in solution.types:
            continue
        inputs = plan.graph.operators[index].inputs
        first, second = (solution.types.get(inputs[position]) for position in found[1].of)
        if first is not None and second is not None:
            solution.types[tensor] = plan.formulas.bias((first, second), 1)
    solution.lasting |= frozenset(chosen)


def _biases(plan: Plan) -> dict[int, int]:
    """Float tensors read as a bias -> the operator that reads them."""
    biases: dict[int, int] = {}
    for index, operator in enumerate(plan.graph.operators):
        found = plan.rules[index].bias_operand
        if found is not None and len(operator.inputs) > found[0] and plan.is_float(operator.inputs[found[0]]):
            biases.setdefault(operator.inputs[found[0]], index)
    return biases

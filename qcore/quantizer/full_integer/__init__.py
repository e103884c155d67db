"""Full integer quantization after training, as TensorFlow's MLIR quantizer does it, stage by stage.

plan      what is to become of every operator and constant
ranges    which calibrated ranges count
solve     a type for every tensor
choose    which operators compute in integers
rewrite   the operators in order, with conversions between them
border    the types of graph inputs and outputs
verify    what the program must satisfy
order     the order of the tensors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qcore.calibration import Calibration
from qcore.errors import CalibrationError
from qcore.ir import Model
from qcore.quantizer.finish import set_metadata, share_equal_buffers
from qcore.quantizer.full_integer.border import settle_border
from qcore.quantizer.full_integer.choose import Choice, choose
from qcore.quantizer.full_integer.order import tensor_order
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.full_integer.ranges import types_from_ranges
from qcore.quantizer.full_integer.rewrite import rewrite
from qcore.quantizer.full_integer.solve import Solution, solve
from qcore.quantizer.full_integer.verify import require_integers, require_one_scale
from qcore.quantizer.layout import Names, lay_out, renumbered, set_versions
from qcore.quantizer.recipe import Recipe

__all__ = ["quantize_full_integer"]


def quantize_full_integer(model: Model, recipe: Recipe, calibration: Calibration) -> Model:
    """A new model with int8 activations and weights and int32 biases.

    TensorFlow: converter/quantization/lite/quantize_model.cc and the passes it runs.
    """
    source, result = model.copy(), model.copy()
    result.buffers = [None]
    result.extra = {key: value for key, value in model.extra.items() if key != "operator_codes"}
    result.description = "MLIR Converted."
    names = Names()
    for subgraph in range(len(model.subgraphs)):
        plan = make_plan(source, subgraph, recipe)
        observed = calibration.ranges(subgraph)
        solution = solve(plan, types_from_ranges(plan, observed))
        choice = choose(plan, solution)
        _require_ranges(plan, solution, choice, observed)
        program = rewrite(plan, solution, choice)
        settle_border(program, recipe, is_main=subgraph == 0)
        require_one_scale(plan, program)
        if recipe.strict:
            require_integers(plan, program)
        number = lay_out(result, source, subgraph, program, tensor_order(program, plan, solution), names)
        result.signatures = [
            renumbered(signature, number) if signature.subgraph_index == subgraph else signature
            for signature in result.signatures
        ]
    set_versions(result)
    set_metadata(result, model)
    share_equal_buffers(result)
    return result


def _require_ranges(plan: Plan, solution: Solution, choice: Choice, observed: Mapping[int, Any]) -> None:
    """CalibrationError if an operator stays in float only because nothing is known of one of its tensors.

    A graph other than the main one that no sample reached has no ranges at all, and stays in float.
    """
    if plan.subgraph and not observed:
        return
    for index, operator in enumerate(plan.graph.operators):
        if index in choice.integer or not plan.quantizable(index) or plan.denied(index):
            continue
        for tensor in plan.floats((*operator.inputs, *operator.outputs)):
            known = tensor in solution.types or tensor in observed or tensor in plan.values
            if not known and plan.graph.tensors[tensor].size:
                raise CalibrationError(
                    f"inputs missing statistics: {plan.place(index)} needs the range of {plan.name(tensor)}; calibrate "
                    "with samples that reach it, or give its range with Calibration.of"
                )

"""Full integer quantization after training, as TensorFlow's MLIR quantizer does it, stage by stage.

plan      what is to become of every operator and constant
ranges    which calibrated ranges count
inside    the types of states, and of values inside a recurrent operator
solve     a type for every tensor
choose    which operators compute in integers
rewrite   the operators in order, with conversions between them
border    the types of graph inputs and outputs
verify    what the program must satisfy
order     the order of the tensors
pipeline  these stages in a row
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qcore.calibration import Calibration
from qcore.errors import CalibrationError
from qcore.intermediates import with_intermediates
from qcore.ir import Model
from qcore.quantizer.full_integer.choose import Choice
from qcore.quantizer.full_integer.inside import missing_inside
from qcore.quantizer.full_integer.pipeline import build
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.full_integer.ranges import types_from_ranges
from qcore.quantizer.full_integer.solve import Solution, solve
from qcore.quantizer.recipe import Recipe

__all__ = ["quantize_full_integer"]


def quantize_full_integer(model: Model, recipe: Recipe, calibration: Calibration) -> Model:
    """A new model with int8 activations and weights and int32 biases."""

    def solve_graph(source: Model, subgraph: int) -> tuple[Plan, Solution]:
        plan = make_plan(source, subgraph, recipe)
        return plan, solve(plan, types_from_ranges(plan, calibration.ranges(subgraph)))

    def require(plan: Plan, solution: Solution, choice: Choice) -> None:
        _require_ranges(plan, solution, choice, calibration.ranges(plan.subgraph))

    return build(with_intermediates(model), recipe, solve_graph, require)


def _require_ranges(plan: Plan, solution: Solution, choice: Choice, observed: Mapping[int, Any]) -> None:
    """CalibrationError if an operator stays in float only because nothing is known of one of its tensors.

    A graph other than the main one that no sample reached has no ranges at all, and stays in float.
    """
    if plan.subgraph and not observed:
        return
    for index, operator in enumerate(plan.graph.operators):
        if not plan.quantizable(index) or plan.denied(index):
            continue
        missing = missing_inside(plan, index, solution.types)
        for tensor in missing if index in choice.integer else plan.floats((*operator.inputs, *operator.outputs)):
            known = tensor in solution.types or tensor in observed or tensor in plan.values
            if tensor in missing or (not known and plan.graph.tensors[tensor].size):
                raise CalibrationError(
                    f"inputs missing statistics: {plan.place(index)} needs the range of {plan.name(tensor)}; calibrate "
                    "with samples that reach it, or give its range with Calibration.of"
                )

"""From solved graphs to a new model: choose, rewrite, settle the border, verify, lay out, finish the file."""

from __future__ import annotations

from collections.abc import Callable

from qcore.ir import Model
from qcore.quantizer.finish import set_metadata, share_equal_buffers
from qcore.quantizer.full_integer.border import settle_border, shorten
from qcore.quantizer.full_integer.choose import Choice, choose
from qcore.quantizer.full_integer.fuse import fuse
from qcore.quantizer.full_integer.order import tensor_order
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.full_integer.rewrite import rewrite
from qcore.quantizer.full_integer.solve import Solution
from qcore.quantizer.full_integer.verify import (
    require_four_bits,
    require_integers,
    require_kernels,
    require_one_scale,
    warn_of_states,
)
from qcore.quantizer.layout import Names, is_entry, lay_out, renumbered, set_versions
from qcore.quantizer.recipe import Recipe

__all__ = ["Solve", "build"]

Solve = Callable[[Model, int], tuple[Plan, Solution]]
"""(the model, which gets a buffer for each constant that is added; number of a graph) -> its plan, with all types."""


def build(
    model: Model, recipe: Recipe, solve_graph: Solve, require: Callable[[Plan, Solution, Choice], None] | None = None
) -> Model:
    """The quantized model; `require` may refuse a graph once it is known which operators compute in integers.

    TensorFlow: converter/quantization/lite/quantize_model.cc and the passes it runs.
    """
    source, result = model.copy(), model.copy()
    result.buffers = [None]
    result.extra = {key: value for key, value in model.extra.items() if key != "operator_codes"}
    result.description = "MLIR Converted."
    names = Names()
    for subgraph in range(len(model.subgraphs)):
        plan, solution = solve_graph(source, subgraph)
        choice = choose(plan, solution)
        if require is not None:
            require(plan, solution, choice)
        program = rewrite(plan, solution, choice)
        shorten(program)
        fuse(program, source)
        settle_border(program, recipe, entry=is_entry(model, subgraph))
        require_one_scale(plan, program)
        require_kernels(plan, program)
        warn_of_states(plan, program)
        if recipe.strict:
            require_integers(plan, program)
            if recipe.weight_bits == 4:
                require_four_bits(plan, program)
        for tensor in set(plan.pairs).intersection(plan.graph.outputs).difference(plan.graph.inputs):
            source.subgraphs[subgraph].tensors[tensor].name = plan.pairs[tensor].dequantized.name
        number = lay_out(result, source, subgraph, program, tensor_order(program, plan, solution), names)
        result.signatures = [
            renumbered(signature, number) if signature.subgraph_index == subgraph else signature
            for signature in result.signatures
        ]
    set_versions(result)
    set_metadata(result, model)
    share_equal_buffers(result)
    return result

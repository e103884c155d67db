"""16x8 quantization: int16 activations, int8 weights, int64 or int32 biases, as TensorFlow's old quantizer does it.

It edits the list of tensors in place: they keep their order, and what is added comes behind them.

plan        which operators compute in integers
prepare     ranges of tensors and constants; weights that leave room for a bias
resources   variables: one range for all that is written and read
convert     operands and results, operator by operator, with conversions between integers and float
join        one scale for operators that join values
bias        biases
versions    the lowest version of each operator
verify      what TensorFlow forgets to check
border      the types of graph inputs and outputs
parameters  scale and integers of one tensor

TensorFlow: tools/optimize/quantize_model.cc
"""

from __future__ import annotations

from qcore.calibration import Calibration
from qcore.ir import Model, Operator, Subgraph, Tensor
from qcore.quantizer.finish import share_equal_buffers
from qcore.quantizer.int16x8.bias import quantize_biases, set_options
from qcore.quantizer.int16x8.border import settle_border
from qcore.quantizer.int16x8.convert import convert
from qcore.quantizer.int16x8.join import join_scales
from qcore.quantizer.int16x8.plan import make_plan
from qcore.quantizer.int16x8.prepare import (
    copy_biases,
    fit_weights_to_biases,
    separate_buffers,
    set_constant_ranges,
    set_ranges,
)
from qcore.quantizer.int16x8.resources import require_one_scale_per_variable, unite_variable_ranges
from qcore.quantizer.int16x8.verify import require_four_bits, require_integers, require_kernels, require_scales
from qcore.quantizer.int16x8.versions import raise_versions
from qcore.quantizer.recipe import Recipe

__all__ = ["quantize_int16x8"]


def quantize_int16x8(model: Model, recipe: Recipe, calibration: Calibration) -> Model:
    """A new model with int16 activations, int8 weights and biases of the recipe's `bias_type`."""
    result = model.copy()
    plan = make_plan(result, recipe)
    if recipe.strict:
        require_integers(plan)
        require_four_bits(plan)
    separate_buffers(result)
    set_ranges(result, calibration)
    copy_biases(plan)
    set_constant_ranges(plan)
    fit_weights_to_biases(plan)
    unite_variable_ranges(plan)
    convert(plan)
    join_scales(plan)
    quantize_biases(plan)
    set_options(plan)
    raise_versions(result)
    require_scales(plan)
    require_one_scale_per_variable(plan)
    require_kernels(plan)
    settle_border(plan)
    share_equal_buffers(result)
    _omit_empty_lists(result)
    return result


def _omit_empty_lists(model: Model) -> None:
    """The quantizer writes none where the float model may have one."""
    for graph in model.subgraphs:
        items: list[Subgraph | Tensor | Operator] = [graph, *graph.tensors, *graph.operators]
        for item in items:
            empty = [name for name in ("shape", "inputs", "outputs") if getattr(item, name, None) == ()]
            if empty:
                item.extra["absent"] = frozenset({*empty, *item.extra.get("absent", ())})

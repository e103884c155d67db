"""Quantization after training, as TensorFlow's converter does it, stage by stage.

recipe    what the user asks for
plan      what is to become of every operator and constant
ranges    which calibrated ranges count
solve     a type for every tensor
choose    which operators compute in integers
rewrite   the operators in order, with conversions between them
border    the types of graph inputs and outputs
verify    what the program must satisfy
layout    tensors, names and buffers, in the converter's order
finish    shared buffers, metadata
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qcore.calibration import Calibration
from qcore.errors import CalibrationError, QuantizationError
from qcore.ir import Model
from qcore.quantizer.border import settle_border
from qcore.quantizer.choose import Choice, choose
from qcore.quantizer.finish import set_metadata, share_equal_buffers
from qcore.quantizer.layout import Names, lay_out, renumbered, set_versions
from qcore.quantizer.plan import Plan, make_plan
from qcore.quantizer.ranges import types_from_ranges
from qcore.quantizer.recipe import RECIPES, Recipe, resolve
from qcore.quantizer.rewrite import rewrite
from qcore.quantizer.solve import Solution, solve
from qcore.quantizer.verify import require_integers, require_one_scale
from tflite_schema import TensorType

__all__ = ["RECIPES", "Recipe", "quantize"]


def quantize(
    model: Model,
    recipe: str | Recipe = "int8",
    ranges: Calibration | Mapping[Any, tuple[Any, Any]] | None = None,
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
    UnsupportedError: an operator qcore has no rules for.
    """
    chosen = resolve(
        recipe,
        {"inference_input_type": inference_input_type, "inference_output_type": inference_output_type} | overrides,
    )
    _require_float(model)
    calibration = _calibration(model, ranges)
    source, result = model.copy(), model.copy()
    result.buffers = [None]
    result.extra = {key: value for key, value in model.extra.items() if key != "operator_codes"}
    result.description = "MLIR Converted."
    names = Names()
    for subgraph in range(len(model.subgraphs)):
        plan = make_plan(source, subgraph, chosen)
        observed = calibration.ranges(subgraph)
        solution = solve(plan, types_from_ranges(plan, observed))
        choice = choose(plan, solution)
        _require_ranges(plan, solution, choice, observed)
        program = rewrite(plan, solution, choice)
        settle_border(program, chosen, is_main=subgraph == 0)
        require_one_scale(plan, program)
        if chosen.strict:
            require_integers(plan, program)
        number = lay_out(result, source, plan, solution, program, names)
        result.signatures = [
            renumbered(signature, number) if signature.subgraph_index == subgraph else signature
            for signature in result.signatures
        ]
    set_versions(result)
    set_metadata(result, model)
    share_equal_buffers(result)
    return result


def _require_float(model: Model) -> None:
    if not model.subgraphs or not model.main.operators:
        raise QuantizationError("the model has no operators; there is nothing to quantize")
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            quantized = tensor.type != TensorType.FLOAT32 and tensor.quant is not None and tensor.quant.is_quantized
            if quantized and not model.is_constant(tensor):
                raise QuantizationError(
                    f"the model is already quantized: subgraph {subgraph}, tensor {index} {tensor.name!r} is "
                    f"{tensor.type.name} with a scale; quantize the float model it was made from"
                )


def _calibration(model: Model, ranges: Calibration | Mapping[Any, tuple[Any, Any]] | None) -> Calibration:
    if ranges is None:
        return Calibration.from_model(model)
    if isinstance(ranges, Calibration):
        ranges.check(model)
        return ranges
    return Calibration.of(model, ranges)


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

"""The walk that quantizes: operator by operator in execution order, first its operands, then its results.

Operands that are constants become integers in place; so do graph inputs. An operator that computes in integers and
reads a float result gets a QUANTIZE before it, one that computes in float and reads an integer a DEQUANTIZE, each for
its own use. Results take the scale of the operand, the scale their kernel assumes, or one of their own range.
TensorFlow: tools/optimize/quantize_model.cc, QuantizeWeightsInputOutput
"""

from __future__ import annotations

from collections.abc import Iterator

from qcore.edit import add_tensor
from qcore.errors import CalibrationError, QuantizationError
from qcore.ir import Operator, QuantParams, Subgraph, Tensor
from qcore.quantizer.int16x8.parameters import (
    bounds,
    has_range,
    is_quantized,
    quantize_activation,
    quantize_constant,
    quantize_weight,
    set_bounds,
    set_parameters,
)
from qcore.quantizer.int16x8.plan import Plan
from qcore.quantizer.int16x8.versions import conversion_version
from qcore.rules import Fixed, SameAs, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["add_conversion", "convert"]

_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)


def convert(plan: Plan) -> None:
    """Quantize operands and results of every graph.

    CalibrationError: a tensor that must be quantized has no range.
    """
    for graph in plan.model.subgraphs:
        graph.operators = [step for operator in graph.operators for step in _converted(plan, graph, operator)]
        # The quantizer forgets operators in float that come before the operator for which their operand was quantized.
        graph.operators = [step for operator in graph.operators for step in _completed(plan, graph, operator)]


def add_conversion(plan: Plan, graph: Subgraph, code: BuiltinOperator, source: int, suffix: str) -> Operator:
    """A QUANTIZE or DEQUANTIZE of tensor `source`; its result is a new float tensor, named with the suffix."""
    tensor = graph.tensors[source]
    result = Tensor(tensor.name + suffix, tensor.shape, TensorType.FLOAT32, shape_signature=tensor.shape_signature)
    return Operator(code, (source,), (add_tensor(graph, result),), version=conversion_version(plan.model, code))


def _converted(plan: Plan, graph: Subgraph, operator: Operator) -> Iterator[Operator]:
    if plan.is_integer(graph, operator):
        for position in plan.operands(operator):
            yield from _quantize_operand(plan, graph, operator, position)
        for tensor in plan.results(operator):
            _quantize_result(plan, graph, operator, tensor)
    elif plan.is_real(operator):
        yield from _dequantized_operands(plan, graph, operator)
    yield operator


def _completed(plan: Plan, graph: Subgraph, operator: Operator) -> Iterator[Operator]:
    integer = operator.code in _CONVERSIONS or plan.is_integer(graph, operator)
    if not integer and plan.is_real(operator):
        yield from _dequantized_operands(plan, graph, operator)
    yield operator


def _dequantized_operands(plan: Plan, graph: Subgraph, operator: Operator) -> Iterator[Operator]:
    for position, tensor in enumerate(operator.inputs):
        if tensor >= 0 and is_quantized(graph.tensors[tensor]):
            yield _inserted(plan, graph, operator, position, BuiltinOperator.DEQUANTIZE, "_float")


def _inserted(
    plan: Plan, graph: Subgraph, operator: Operator, position: int, code: BuiltinOperator, suffix: str
) -> Operator:
    """A conversion of operand `position`, which the operator reads from now on."""
    made = add_conversion(plan, graph, code, operator.inputs[position], suffix)
    operator.inputs = (*operator.inputs[:position], made.outputs[0], *operator.inputs[position + 1 :])
    return made


def _quantize_operand(plan: Plan, graph: Subgraph, operator: Operator, position: int) -> Iterator[Operator]:
    index = operator.inputs[position]
    if index < 0 or is_quantized(graph.tensors[index]):
        return
    tensor = graph.tensors[index]
    values = plan.values(tensor)
    if values is not None:
        if _is_int8(plan, operator, position):
            quantize_weight(
                plan.model, tensor, values, plan.weight_axis(operator, position), plan.weight_bits(graph, index)
            )
        else:
            quantize_constant(plan.model, tensor, values)
        return
    _require_range(plan, operator, tensor)
    if index in graph.inputs:
        quantize_activation(tensor)
        return
    made = _inserted(plan, graph, operator, position, BuiltinOperator.QUANTIZE, "_int16")
    result = graph.tensors[made.outputs[0]]
    low, high = bounds(tensor)
    set_bounds(result, low[:1], high[:1])
    quantize_activation(result)
    yield made


def _is_int8(plan: Plan, operator: Operator, position: int) -> bool:
    """Whether a constant operand becomes int8: weights, and the only operand of an operator with its own scale."""
    rules = plan.rules(operator)
    alone = len(plan.operands(operator)) == 1 and bool(operator.outputs) and not rules.same_scale
    return isinstance(rules.input(position), Weight) or alone


def _quantize_result(plan: Plan, graph: Subgraph, operator: Operator, index: int) -> None:
    tensor = graph.tensors[index]
    if is_quantized(tensor):
        return
    constraint = plan.rules(operator).output(operator.outputs.index(index))
    if isinstance(constraint, SameAs) and not plan.joins(operator):
        _copy_parameters(plan, operator, graph.tensors[operator.inputs[constraint.operand]], tensor)
    elif isinstance(constraint, Fixed):
        scale, _ = constraint.by_type["int16"]
        tensor.quant = None
        set_parameters(tensor, TensorType.INT16, scale)
    else:
        _require_range(plan, operator, tensor)
        quantize_activation(tensor)


def _copy_parameters(plan: Plan, operator: Operator, source: Tensor, result: Tensor) -> None:
    """The scale of an operand, and its range."""
    assert source.quant is not None
    if source.quant.scale.size != 1:
        raise QuantizationError(
            f"{plan.place(operator)}: its operand {source.name!r} is a weight of another operator, with a scale per "
            "channel; keep the operator in float with denylisted_nodes"
        )
    low, high = source.quant.min, source.quant.max
    parameters = QuantParams.of(source.quant.scale)
    result.quant = QuantParams(
        parameters.scale,
        parameters.zero_point,
        min=None if low is None else low[:1],
        max=None if high is None else high[:1],
    )
    result.type = TensorType.INT16


def _require_range(plan: Plan, operator: Operator, tensor: Tensor) -> None:
    if not has_range(tensor):
        raise CalibrationError(
            f"inputs missing statistics: {plan.place(operator)} needs the range of {tensor.name!r}; calibrate with "
            "samples that reach it, or give its range with Calibration.of"
        )

"""One scale for operators that join values (CONCATENATION, MAXIMUM, MINIMUM, PACK): that of the result.

An operand of another scale gets a QUANTIZE, `<name>_requantized`; a constant that only this operator reads is quantized
again instead.
TensorFlow: tools/optimize/quantize_model.cc, ApplyConstraints
"""

from __future__ import annotations

from qcore.edit import insert_operator
from qcore.ir import Operator, QuantParams, Subgraph
from qcore.quantizer.int16x8.convert import add_conversion
from qcore.quantizer.int16x8.parameters import is_quantized, requantize_constant
from qcore.quantizer.int16x8.plan import Plan
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["join_scales"]


def join_scales(plan: Plan) -> None:
    """Make the operands of every such operator share the scale of its result, from the last operator to the first."""
    for graph in plan.model.subgraphs:
        for index in reversed(range(len(graph.operators))):
            operator = graph.operators[index]
            if plan.joins(operator) and plan.is_integer(graph, operator):
                _join(plan, graph, index, operator)


def _join(plan: Plan, graph: Subgraph, index: int, operator: Operator) -> None:
    result = graph.tensors[operator.outputs[0]].quant
    assert result is not None
    for position, source in enumerate(operator.inputs):
        tensor = graph.tensors[source]
        if not is_quantized(tensor) or tensor.quant is None or tensor.quant.scale[0] == result.scale[0]:
            continue
        if tensor.type == TensorType.INT16 and plan.model.is_constant(tensor) and _readers(graph, source) == 1:
            requantize_constant(plan.model, tensor, result.scale[0])
            continue
        made = add_conversion(plan, graph, BuiltinOperator.QUANTIZE, source, "_requantized")
        requantized = graph.tensors[made.outputs[0]]
        requantized.type, requantized.quant = TensorType.INT16, QuantParams.of(result.scale)
        operator.inputs = (*operator.inputs[:position], made.outputs[0], *operator.inputs[position + 1 :])
        insert_operator(graph, index, made)


def _readers(graph: Subgraph, tensor: int) -> int:
    return sum(tensor in operator.inputs for operator in graph.operators)

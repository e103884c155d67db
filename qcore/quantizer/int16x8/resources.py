"""Resource variables: all values written to a variable or read from it have one range, the union of all and of 0.

TensorFlow: tools/optimize/quantize_model.cc, QuantizeResources
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qcore.errors import QuantizationError
from qcore.ir import Operator, Subgraph, Tensor
from qcore.quantizer.int16x8.parameters import bounds, has_range, is_quantized, quantize_constant, set_bounds
from qcore.quantizer.int16x8.plan import Plan
from tflite_schema import BuiltinOperator, VarHandleOptions

__all__ = ["require_one_scale_per_variable", "unite_variable_ranges"]


def unite_variable_ranges(plan: Plan) -> None:
    """Write the common range into the tensors of each variable, and quantize the constants written to it."""
    ranges: dict[str, tuple[np.float32, np.float32]] = {}
    for variable, _, _, tensor in _values(plan):
        low, high = ranges.get(variable, (np.float32(0), np.float32(0)))
        if has_range(tensor):
            low, high = min(low, bounds(tensor)[0][0]), max(high, bounds(tensor)[1][0])
        ranges[variable] = low, high
    for variable, graph, operator, tensor in _values(plan):
        if not plan.is_integer(graph, operator):
            continue
        low, high = ranges[variable]
        set_bounds(tensor, low, high)
        values = plan.values(tensor)
        if values is not None:
            quantize_constant(plan.model, tensor, values, max(abs(low), abs(high)))


def require_one_scale_per_variable(plan: Plan) -> None:
    """QuantizationError where what is written to a variable and what is read from it differ in type or scale."""
    first: dict[str, Tensor] = {}
    for variable, _, operator, tensor in _values(plan):
        other = first.setdefault(variable, tensor)
        if tensor.type != other.type or (is_quantized(tensor) and not other.quant.same_as(tensor.quant)):  # type: ignore[union-attr]
            raise QuantizationError(
                f"{plan.place(operator)}: variable {variable!r} holds {other.type.name} of {other.name!r} and "
                f"{tensor.type.name} of {tensor.name!r}, in different scales; keep all operators of the variable in "
                "float with denylisted_ops"
            )


def _values(plan: Plan) -> Iterator[tuple[str, Subgraph, Operator, Tensor]]:
    """(variable, graph, operator, tensor) for every value that an operator writes to a variable or reads from it."""
    for graph in plan.model.subgraphs:
        names: dict[int, str] = {}
        for operator in graph.operators:
            if operator.code == BuiltinOperator.VAR_HANDLE and isinstance(operator.options, VarHandleOptions):
                names[operator.outputs[0]] = operator.options.shared_name or ""
            elif operator.code == BuiltinOperator.READ_VARIABLE and operator.inputs[0] in names:
                yield names[operator.inputs[0]], graph, operator, graph.tensors[operator.outputs[0]]
            elif operator.code == BuiltinOperator.ASSIGN_VARIABLE and operator.inputs[0] in names:
                yield names[operator.inputs[0]], graph, operator, graph.tensors[operator.inputs[1]]

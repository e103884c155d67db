"""The types of what recurrent operators keep to themselves: their states, and the values inside that have a tensor.

    output state    one type with the operator's result, of the union of both ranges; of its own range alone where the
                    result's range does not count
    other states    int16, symmetric
    intermediates   int16 for gates before layer normalization, int8 for the hidden state

TensorFlow forgets all this where the range of the operator's input does not count because a concatenation gives it its
scale: its weights then have zero points that no kernel looks at. They are here what they are elsewhere.
TensorFlow: prepare_quantize_helper.h, PrepareLstmOutputScale and ConvertLstmStatsToQDQs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from qcore.errors import CalibrationError
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.quantized_type import QuantizedType, activation_type, gate_type, hidden_type, state_type
from qcore.rules import Activation, State

__all__ = ["Bounds", "checked", "missing_inside", "types_inside"]

Bounds = tuple[np.float32, np.float32]


def types_inside(
    plan: Plan, ranges: Mapping[int, Bounds], own: Mapping[int, QuantizedType]
) -> dict[int, QuantizedType]:
    """Tensor -> type, for the states and intermediate tensors that have a range, and the results that share one.

    own: the types of results whose own range counts.
    """
    types: dict[int, QuantizedType] = {}
    for index, operator in enumerate(plan.graph.operators):
        for tensor, constraint in _inside(plan, index):
            if tensor not in ranges:
                continue
            low, high = checked(plan, tensor, ranges[tensor])
            if isinstance(constraint, Activation):
                types[tensor] = (gate_type if constraint.bits == 16 else hidden_type)(low, high)
            elif constraint.result is None:
                types[tensor] = state_type(low, high, power_of_two=constraint.power_of_two)
            else:
                result = operator.outputs[constraint.result]
                if result in own:
                    other = checked(plan, result, ranges[result])
                    low, high = min(low, other[0]), max(high, other[1])
                    types[result] = activation_type(low, high, widened=result not in plan.firm)
                types[tensor] = activation_type(low, high)
    return types


def missing_inside(plan: Plan, index: int, types: Mapping[int, QuantizedType]) -> list[int]:
    """The states and intermediate tensors of an operator that need a type and have none."""
    return [tensor for tensor, _ in _inside(plan, index) if tensor not in types]


def _inside(plan: Plan, index: int) -> Iterator[tuple[int, State | Activation]]:
    """The states and the intermediate tensors with a type, of an operator that may be quantized."""
    rules, operator = plan.rules[index], plan.graph.operators[index]
    if not plan.quantizable(index):
        return
    for position, tensor in enumerate(operator.inputs):
        constraint = rules.input(position)
        if tensor >= 0 and isinstance(constraint, State):
            yield tensor, constraint
    for tensor, rule in zip(operator.intermediates, rules.intermediates, strict=True):
        if isinstance(rule.constraint, Activation):
            yield tensor, rule.constraint


def checked(plan: Plan, tensor: int, bounds: Bounds) -> Bounds:
    """The range of a tensor; CalibrationError if no scale can be made of it."""
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise CalibrationError(
            f"subgraph {plan.subgraph}, {plan.name(tensor)}: the range {low} to {high} is not finite with min <= max; "
            "calibrate with samples on which the float model computes finite values"
        )
    return low, high

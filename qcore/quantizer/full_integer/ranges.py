"""Which of the calibrated ranges count, and what they give.

Where an operator's operands and results share one scale, only one range can be obeyed:
forward, a range passes through an operator with one float operand (pooling, RESHAPE) and replaces its results' ranges;
backward, the range of a result replaces those of all operands (CONCATENATION). The ranges of results that a kernel
fixes (SOFTMAX) are ignored. What is left is final.
TensorFlow: quantization_utils.cc, RemoveRedundantStatsOps
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qcore.quantizer.full_integer.inside import checked, types_inside
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.quantized_type import QuantizedType, activation_type

__all__ = ["types_from_ranges"]

Ranges = Mapping[int, tuple[Any, Any]]


def types_from_ranges(plan: Plan, ranges: Ranges) -> dict[int, QuantizedType]:
    """Tensor -> the type its own range gives, for the tensors whose range counts. CalibrationError for a bad range."""
    observed = [t for t in _program_order(plan) if t in ranges and plan.is_float(t) and t not in plan.values]
    dropped = _dropped_forward(plan, observed)
    dropped |= _dropped_backward(plan, observed, dropped)
    own = {
        t: activation_type(*checked(plan, t, ranges[t]), widened=t not in plan.firm)
        for t in observed
        if t not in dropped
    }
    return own | types_inside(plan, ranges, own)


def _program_order(plan: Plan) -> list[int]:
    results = [tensor for operator in plan.graph.operators for tensor in operator.outputs]
    return list(dict.fromkeys([*plan.graph.inputs, *results]))


def _dropped_forward(plan: Plan, observed: list[int]) -> set[int]:
    known, dropped = set(observed), set()
    work = list(observed)
    while work:
        tensor = work.pop()
        producer = plan.producers.get(tensor)
        if producer is not None and plan.fixed(producer):
            dropped.add(tensor)
        for index, _ in plan.uses.get(tensor, ()):
            operator = plan.graph.operators[index]
            if plan.rules[index].same_scale and len(plan.floats(operator.inputs)) <= 1:
                results = [result for result in operator.outputs if result in known]
                dropped.update(results)
                work.extend(results)
    return dropped


def _dropped_backward(plan: Plan, observed: list[int], forward: set[int]) -> set[int]:
    known, dropped = set(observed), set()
    work = [tensor for tensor in observed if tensor not in forward]
    while work:
        producer = plan.producers.get(work.pop())
        if producer is not None and plan.rules[producer].same_scale:
            operands = [tensor for tensor in plan.graph.operators[producer].inputs if tensor in known]
            dropped.update(operands)
            work.extend(operands)
    return dropped

"""A type for every tensor: from its own range or values, or from the operators it touches.

Parameters spread through the graph until nothing changes, last operator first:
    one scale       all float operands and results of the operator take the same parameters
    fixed result    the parameters the kernel assumes
    bias            scale = scale of the input * scale of the weight
A tensor whose type comes from its own range never changes. An operator that needs another asks for a conversion: a
request. The order of visits decides who asks, so it is TensorFlow's: quantization_driver.cc, QuantizationDriver.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Operator
from qcore.quantizer.full_integer.plan import Plan, Use
from qcore.quantizer.quantized_type import QuantizedType, bias_type, four_bit_type, weight_type
from qcore.rules import Bias
from tflite_schema import TensorType

__all__ = ["Request", "Solution", "solve"]

BIAS_LIMIT = (2**31 - 1) // 2
"""Biases are kept below half the int32 range, to leave room for the accumulator."""


@dataclass
class Request:
    """A conversion of a tensor to another type: for some of its uses, or by its producer (`by_producer`)."""

    type: QuantizedType
    uses: list[Use] = field(default_factory=list)
    by_producer: bool = False


@dataclass
class Solution:
    """What was found: `types` of all tensors that have one, `requests` for conversions.

    own: tensors whose type comes from their own range, or that the file quantized. lasting: those whose conversions
    stay even where nothing computes in integers, as the fake quantization of training does, and the input of recurrent
    operators.
    """

    types: dict[int, QuantizedType]
    own: frozenset[int]
    requests: dict[int, list[Request]] = field(default_factory=dict)
    lasting: frozenset[int] = frozenset()

    def conversions(self, tensor: int) -> list[Request]:
        """The requests for a tensor that are honoured: none if its producer and a reader both ask, as in TensorFlow."""
        requests = self.requests.get(tensor, [])
        kinds = {request.by_producer for request in requests}
        if len(kinds) != 1:
            return []
        return requests[:1] if True in kinds else requests


def solve(plan: Plan, own: dict[int, QuantizedType]) -> Solution:
    """The types of all tensors, given those that come from ranges."""
    final = own | plan.given
    solver = _Solver(plan, Solution(dict(final), frozenset(final), lasting=frozenset(plan.firm & final.keys())))
    solver.run()
    return solver.solution


class _Solver:
    """The work list and the steps that operators and constants take when visited."""

    def __init__(self, plan: Plan, solution: Solution) -> None:
        self.plan = plan
        self.solution = solution
        self.types = solution.types
        self.operators = frozenset(plan.spread())
        self.done: set[tuple[str, int]] = set()
        constants = dict.fromkeys(t for op in plan.graph.operators for t in op.inputs if t in plan.values)
        self.work: deque[tuple[str, int]] = deque(("constant", tensor) for tensor in reversed(constants))
        self.work.extend(("operator", index) for index in sorted(self.operators))

    def run(self) -> None:
        """Visit until the work list is empty. An entry that could not decide is visited again when pushed again."""
        while self.work:
            entry = self.work.pop()
            kind, index = entry
            if entry in self.done or (kind == "operator" and index not in self.operators):
                continue
            self.done.add(entry)
            decided = self._visit_operator(index) if kind == "operator" else self._visit_constant(index)
            if not decided:
                self.done.discard(entry)

    def _visit_constant(self, tensor: int) -> bool:
        if tensor in self.plan.self_scaled and tensor not in self.types:
            values, weight = self.plan.values[tensor], self.plan.self_scaled[tensor]
            formulas = self.plan.formulas
            if weight is None:
                chosen = formulas.constant(values)
            elif tensor in self.plan.four_bits:
                chosen = four_bit_type(values, weight.axis, self.plan.recipe.weight_method)
            elif weight.bits == 8:
                chosen = formulas.weight(values, weight.axis)
            else:
                chosen = weight_type(values, weight.axis, weight.bits)
            self._set_result(tensor, chosen)
        return True

    def _visit_operator(self, index: int) -> bool:
        rules, operator = self.plan.rules[index], self.plan.graph.operators[index]
        if rules.same_scale:
            shared = self._shared_type(index)
            if shared is None:
                return False
            keeps = self.types if self.plan.rescales(operator) else ()
            for position, tensor in enumerate(operator.inputs):
                if self.plan.is_float(tensor) and tensor not in keeps:
                    self._set_operand((index, position), shared)
            for tensor in self.plan.floats(operator.outputs):
                if tensor not in keeps:
                    self._set_result(tensor, shared)
        fixed = self.plan.fixed(index)
        if fixed is not None:
            type_ = self.plan.formulas.type
            scale, zero_point = fixed.by_type[type_.name.lower()]
            for tensor in operator.outputs:
                self._set_result(tensor, QuantizedType((float(scale),), (zero_point,), type=type_))
        return self._visit_biases(index)

    def _shared_type(self, index: int) -> QuantizedType | None:
        """The type that all float operands and results take: a final one if there is any, operands before results."""
        operator = self.plan.graph.operators[index]
        final_operands, operands = self._known(operator.inputs)
        if len(operator.inputs) == 1 and final_operands:
            return final_operands[0]
        final_results, results = self._known(operator.outputs)
        for of_operands, of_results in ((final_operands, final_results), (operands, results)):
            if len(operator.inputs) == 1 and of_operands:
                return of_operands[0]
            if len(operator.outputs) == 1 and of_results:
                return of_results[0]
            if of_operands or of_results:
                return [*of_operands, *of_results][0]
        return None

    def _known(self, tensors: Iterable[int]) -> tuple[list[QuantizedType], list[QuantizedType]]:
        """The types of those tensors that have one: final ones, others."""
        present = [tensor for tensor in tensors if tensor in self.types]
        final = [self.types[tensor] for tensor in present if tensor in self.solution.own]
        return final, [self.types[tensor] for tensor in present if tensor not in self.solution.own]

    # Biases -----------------------------------------------------------------------------------------------------------

    def _visit_biases(self, index: int) -> bool:
        operator, decided = self.plan.graph.operators[index], True
        for position, constraint in self.plan.rules[index].biases.items():
            tensor = operator.inputs[position] if position < len(operator.inputs) else -1
            if tensor < 0:
                continue
            chosen = self.types.get(tensor) or self._bias_type(operator, position, constraint)
            if chosen is None:
                decided = False
            else:
                self._set_bias(index, position, chosen)
        return decided

    def _bias_type(self, operator: Operator, position: int, constraint: Bias) -> QuantizedType | None:
        """The type that follows from the operands the bias is added to; None while one of theirs is not known."""
        operands = [self.types[tensor] for i in constraint.of if (tensor := operator.inputs[i]) in self.types]
        if len(operands) < len(constraint.of):
            return None
        rank, factor = len(self.plan.graph.tensors[operator.inputs[position]].shape), constraint.factor
        if constraint.intermediate is not None:
            inside = self.types.get(operator.intermediates[constraint.intermediate])
            if inside is None:
                return None
            factor *= inside.scale[0]
        if len(operands) == 2 and factor == 1:
            return self.plan.formulas.bias((operands[0], operands[1]), rank)
        return bias_type(operands, rank, factor)

    def _set_bias(self, index: int, position: int, chosen: QuantizedType) -> None:
        """Set a bias's type; where a bias would overflow, widen its scale and the weight's with it.

        TensorFlow does not look at the biases of recurrent operators.
        """
        rules, operator = self.plan.rules[index], self.plan.graph.operators[index]
        weight, constraint = rules.weight_operand, rules.biases[position]
        bias = self.plan.values.get(operator.inputs[position])
        free = self.plan.values.keys() - self.solution.own
        constants = (operator.inputs[position], operator.inputs[-1 if weight is None else weight[0]])
        if rules.stateful or weight is None or bias is None or not free.issuperset(constants):
            self._set_operand((index, position), chosen)
            return
        source = next(i for i in constraint.of if i != weight[0])
        input_type, weight_type_ = self.types[operator.inputs[source]], self.types[operator.inputs[weight[0]]]
        over = _overflowing(chosen, np.abs(bias.astype(np.float64)).reshape(-1))
        if not {input_type.type, weight_type_.type} <= {TensorType.INT8, TensorType.UINT8} or not over:
            self._set_operand((index, position), chosen)
            return
        scales = tuple(over.get(channel, scale) for channel, scale in enumerate(chosen.scale))
        weight_scales = tuple(
            over[channel] / input_type.scale[0] if channel in over else scale
            for channel, scale in enumerate(weight_type_.scale)
        )
        self._set_operand((index, position), replace(chosen, scale=scales))
        self._own_copy(index, weight[0])
        widened = replace(weight_type_, scale=weight_scales, zero_point=(0,) * len(weight_scales))
        self._set_operand((index, weight[0]), widened, override=True)

    def _own_copy(self, index: int, position: int) -> None:
        """Give an operator its own copy of a constant that others read too."""
        tensor = self.plan.graph.operators[index].inputs[position]
        if len(self.plan.uses[tensor]) > 1:
            copy = self.plan.copy_constant(tensor, (index, position))
            self.plan.late_copies.add(copy)
            self.types[copy] = self.types[tensor]

    # Setting types ----------------------------------------------------------------------------------------------------

    def _set_result(self, tensor: int, chosen: QuantizedType) -> None:
        current = self.types.get(tensor)
        if current == chosen:
            return
        if current is not None:
            self.solution.requests.setdefault(tensor, []).append(Request(chosen, by_producer=True))
            return
        self.types[tensor] = chosen
        self.work.extend(("operator", index) for index, _ in reversed(self.plan.uses.get(tensor, [])))

    def _set_operand(self, use: Use, chosen: QuantizedType, *, override: bool = False) -> None:
        tensor = self.plan.graph.operators[use[0]].inputs[use[1]]
        current = self.types.get(tensor)
        if current == chosen:
            return
        if current is not None and not override:
            requests = self.solution.requests.setdefault(tensor, [])
            for request in requests:
                if request.type == chosen:
                    request.uses.append(use)
                    return
            requests.append(Request(chosen, [use]))
            return
        self.types[tensor] = chosen
        if tensor in self.plan.values:
            self.work.append(("constant", tensor))
        elif tensor in self.plan.producers:
            self.work.append(("operator", self.plan.producers[tensor]))


def _overflowing(chosen: QuantizedType, bias: NDArray[np.float64]) -> dict[int, float]:
    """Channel -> the scale it needs, for the channels whose |bias| would leave half the int32 range."""
    if chosen.quantized_dimension is None:
        largest = float(bias.max(initial=0.0))
        return {0: largest / BIAS_LIMIT} if largest / chosen.scale[0] >= BIAS_LIMIT else {}
    over = np.flatnonzero(bias / np.array(chosen.scale) > BIAS_LIMIT)
    return {int(channel): float(bias[channel]) / BIAS_LIMIT for channel in over}

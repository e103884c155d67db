"""Which operators compute in integers, once every tensor has its type.

An operator does if TensorFlow quantizes it, the recipe does not deny it, and all its float operands and results have a
type that was made effective. TensorFlow finds an operator from the conversion after its result. One without a float
result (ARG_MAX, LESS) is found from the conversion before an operand only, and not past a reader that stays in float.
TensorFlow: quantization_utils.h, QuantizationPattern
"""

from __future__ import annotations

from collections.abc import Iterable

from qcore.quantizer.full_integer.plan import Plan, Use
from qcore.quantizer.full_integer.solve import Solution
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Choice", "choose"]

_INTEGER_WEIGHTS = {BuiltinOperator.TRANSPOSE_CONV: 1, BuiltinOperator.EMBEDDING_LOOKUP: 1}
"""Operand that the converter leaves in integers even where the operator computes in float."""


class Choice:
    """The answer: `integer`, the operators that compute in integers; `reads_integer(use)`; `effective(tensor)`."""

    def __init__(self, plan: Plan, solution: Solution) -> None:
        self.plan = plan
        self.solution = solution
        self.integer: set[int] = set()
        self._spread = frozenset(plan.spread())

    def effective(self, tensor: int) -> bool:
        """Whether the tensor's type counts: one that spread onto the result of a float operator is lost."""
        if tensor not in self.solution.types:
            return False
        return (
            tensor in self.solution.own
            or tensor in self.plan.values
            or tensor in self.plan.graph.inputs
            or self.plan.producers.get(tensor) in self._spread
        )

    def reads_integer(self, use: Use) -> bool:
        """Whether an operator reads this operand as integers: those that compute in integers, and some weights."""
        index, position = use
        if index in self.integer:
            return True
        # uint8 weights TensorFlow leaves there as well, but no float kernel reads them.
        weight = _INTEGER_WEIGHTS.get(self.plan.graph.operators[index].code)
        tensor = self.plan.graph.operators[index].inputs[position]
        return weight == position and self.effective(tensor) and self.solution.types[tensor].type == TensorType.INT8

    def possible(self, index: int) -> bool:
        """Whether operator `index` could compute in integers, as far as its own operands and results go."""
        if not self.plan.quantizable(index) or self.plan.denied(index):
            return False
        operator = self.plan.graph.operators[index]
        operands, results = self.plan.floats(operator.inputs), self.plan.floats(operator.outputs)
        return all(map(self.effective, (*operands, *results))) and not any(map(self._vanished, results))

    def _vanished(self, tensor: int) -> bool:
        """Whether nothing reads a result that has its own range; its conversions are gone by then."""
        unused = not self.plan.uses.get(tensor) and tensor not in self.plan.graph.outputs
        return unused and tensor in self.solution.own


def choose(plan: Plan, solution: Solution) -> Choice:
    """The operators that compute in integers."""
    choice = Choice(plan, solution)
    for index, operator in enumerate(plan.graph.operators):
        if choice.possible(index) and (plan.floats(operator.outputs) or _is_reached(choice, index)):
            choice.integer.add(index)
    return choice


def _is_reached(choice: Choice, index: int) -> bool:
    """Whether an operator without float results is reached from an operand: no float reader stands before it."""
    plan, solution = choice.plan, choice.solution
    operator = plan.graph.operators[index]
    for position, tensor in enumerate(operator.inputs):
        if not plan.is_float(tensor):
            continue
        converted = {use: request for request in solution.conversions(tensor) for use in request.uses}
        mine = converted.get((index, position))
        readers: Iterable[int] = [use[0] for use in plan.uses[tensor] if converted.get(use) is mine]
        if tensor in plan.graph.outputs and mine is None:
            readers = [*readers, -1]
        if tensor in solution.own:
            readers = reversed(list(readers))
        for reader in readers:
            if reader == index:
                return True
            if reader < 0 or not choice.possible(reader):
                break
    return not plan.floats(operator.inputs)

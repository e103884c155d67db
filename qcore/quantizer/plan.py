"""What is to become of every operator and constant, from the recipe and the operators' rules, before any number.

A plan works on its own copy of the graph, in which a constant that takes its parameters from an operator (a bias, an
operand that shares the result's scale) is copied for each of its uses, so that each can have its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, Subgraph
from qcore.op import find
from qcore.quantizer.quantized_type import QuantizedType
from qcore.quantizer.recipe import Recipe
from qcore.rules import Fixed, Rules, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Plan", "Use", "make_plan"]

Array = NDArray[Any]
Use = tuple[int, int]
"""(operator index, operand position)."""

_SIDE_EFFECTS = frozenset(
    {BuiltinOperator.CUSTOM, BuiltinOperator.IF, BuiltinOperator.WHILE, BuiltinOperator.CALL_ONCE}
    | {code for code in BuiltinOperator if any(word in code.name for word in ("VARIABLE", "VAR_HANDLE", "HASHTABLE"))}
)
"""Operators that do something even if nothing reads their results."""


@dataclass
class Plan:
    """One graph, seen by the quantizer.

    graph: a copy; duplicated constants are appended. rules[i]: of operator i. values: the float32 constants.
    given: integer constants that the file quantized already. origin: copy of a constant -> the constant.
    self_scaled: constants whose parameters follow from their own values, with the channel axis of weights (None: per
    tensor; "asymmetric" constants map to no Weight). uses, producers: as in Subgraph, of the copy.
    """

    subgraph: int
    graph: Subgraph
    recipe: Recipe
    rules: list[Rules]
    values: dict[int, Array] = field(default_factory=dict)
    given: dict[int, QuantizedType] = field(default_factory=dict)
    origin: dict[int, int] = field(default_factory=dict)
    self_scaled: dict[int, Weight | None] = field(default_factory=dict)
    uses: dict[int, list[Use]] = field(default_factory=dict)
    producers: dict[int, int] = field(default_factory=dict)

    def is_float(self, tensor: int) -> bool:
        """Whether a tensor exists and is float32."""
        return tensor >= 0 and self.graph.tensors[tensor].type == TensorType.FLOAT32

    def quantizable(self, index: int) -> bool:
        """Whether TensorFlow quantizes this operator under the recipe's scheme."""
        return self.recipe.scheme in self.rules[index].quantizable

    def denied(self, index: int) -> bool:
        """Whether the recipe keeps this operator in float."""
        operator = self.graph.operators[index]
        names = {self.graph.tensors[tensor].name for tensor in operator.outputs if tensor >= 0}
        return operator.name in self.recipe.denylisted_ops or bool(names & self.recipe.denylisted_nodes)

    def fixed(self, index: int) -> Fixed | None:
        """The constraint of operator `index` whose kernel assumes the parameters of its result."""
        constraint = self.rules[index].output(0)
        return constraint if isinstance(constraint, Fixed) else None

    def floats(self, tensors: tuple[int, ...]) -> list[int]:
        """Those of the tensors that are float32."""
        return [tensor for tensor in tensors if self.is_float(tensor)]

    def spread(self) -> Iterator[int]:
        """The operators through which parameters spread: quantizable, or of one scale."""
        return (i for i, rules in enumerate(self.rules) if self.quantizable(i) or rules.same_scale)

    def copy_constant(self, tensor: int, use: Use) -> int:
        """Give one use of a constant a copy of its own; the copy's tensor index."""
        index, position = use
        copy = add_tensor(self.graph, replace(self.graph.tensors[tensor]))
        self.values[copy] = self.values[tensor]
        self.origin[copy] = tensor
        operator = self.graph.operators[index]
        operator.inputs = (*operator.inputs[:position], copy, *operator.inputs[position + 1 :])
        self.uses[tensor] = [other for other in self.uses.get(tensor, []) if other != use]
        self.uses[copy] = [use]
        return copy

    def place(self, index: int) -> str:
        """How messages name an operator."""
        return f"subgraph {self.subgraph}, operator {index} {self.graph.operators[index].name}"

    def name(self, tensor: int) -> str:
        """How messages name a tensor."""
        return f"tensor {tensor} {self.graph.tensors[tensor].name!r}"


def make_plan(model: Model, subgraph: int, recipe: Recipe) -> Plan:
    """The plan of one graph. UnsupportedError for an operator without an op file, QuantizationError for NaN weights."""
    source = model.subgraphs[subgraph]
    graph = replace(
        source,
        tensors=[replace(tensor) for tensor in source.tensors],
        operators=_live_operators(source),
    )
    rules = [find(operator.code, operator.custom_code).rules for operator in graph.operators]
    for operator, rule in zip(graph.operators, rules, strict=True):
        _complete(operator, rule)
    plan = Plan(subgraph, graph, recipe, rules)
    for tensor, uses in graph.consumers().items():
        constant = graph.tensors[tensor]
        if not model.is_constant(constant):
            continue
        if plan.is_float(tensor):
            values = model.constant(constant)
            assert values is not None
            _assign(plan, tensor, values, uses)
        elif constant.quant is not None and constant.quant.is_quantized:
            plan.given[tensor] = QuantizedType.of(constant.quant, constant.type)
    plan.uses, plan.producers = graph.consumers(), graph.producers()
    return plan


def _live_operators(graph: Subgraph) -> list[Operator]:
    """Copies of the operators of which something is used."""
    needed = set(graph.outputs)
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs) or operator.code in _SIDE_EFFECTS or not operator.outputs:
            needed.update(operator.inputs)
            kept.append(replace(operator))
    return kept[::-1]


def _complete(operator: Operator, rules: Rules) -> None:
    """Spell out an optional bias that the file leaves off: the converter writes -1."""
    bias = rules.bias_operand
    if bias is not None and len(operator.inputs) == bias[0]:
        operator.inputs = (*operator.inputs, -1)


def _assign(plan: Plan, tensor: int, values: Array, uses: list[Use]) -> None:
    """Decide where a constant's parameters come from; copy it for uses that impose theirs."""
    if not np.isfinite(values).all():
        raise QuantizationError(
            f"subgraph {plan.subgraph}, {plan.name(tensor)}: the constant holds NaN or infinity, of which no scale can "
            f"be made; clean the float model, or keep {plan.place(uses[0][0])} in float"
        )
    plan.values[tensor] = values
    for index, position in uses:
        rules = plan.rules[index]
        bias = rules.bias_operand
        imposed = rules.same_scale or (bias is not None and bias[0] == position)
        if not imposed:
            constraint = rules.input(position)
            if plan.self_scaled.get(tensor) is None:
                plan.self_scaled[tensor] = _granularity(constraint, plan, index) if isinstance(constraint, Weight) else None
        elif len(uses) > 1:
            plan.copy_constant(tensor, (index, position))


def _granularity(constraint: Weight, plan: Plan, index: int) -> Weight:
    """The weight's constraint under the recipe: without a channel axis where scales are per tensor."""
    dense = plan.graph.operators[index].code == BuiltinOperator.FULLY_CONNECTED
    if not plan.recipe.per_channel or (dense and not plan.recipe.per_channel_dense):
        return Weight(None)
    return constraint

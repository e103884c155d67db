"""Which operators compute in integers and which of their tensors that concerns, from the recipe and the rules.

TensorFlow: tools/optimize/quantize_model.cc, PopulateRealValueOpSet; tools/optimize/operator_property.cc
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from qcore.errors import UnsupportedError
from qcore.ir import Model, Operator, Subgraph, Tensor
from qcore.op import find
from qcore.quantizer.four_bits import FOUR_BIT_WEIGHTS
from qcore.quantizer.recipe import Recipe
from qcore.rules import FLOAT_ONLY, Activation, Rules, SameAs, Untouched, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Plan", "make_plan"]


@dataclass
class Plan:
    """The model that is edited in place, what was asked for, and (by id) the operators on real numbers."""

    model: Model
    recipe: Recipe
    real: set[int] = field(default_factory=set)
    indices: dict[int, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Keep where each operator stood, for messages."""
        self.indices = {id(operator): (subgraph, index) for subgraph, index, operator in self.model.walk()}

    def rules(self, operator: Operator) -> Rules:
        """The constraints of an operator; one that qcore does not know stays in float."""
        try:
            return find(operator.code, operator.custom_code).rules.of(operator, self.recipe.scheme)
        except UnsupportedError:
            return FLOAT_ONLY

    def name(self, graph: Subgraph, operator: Operator) -> str | None:
        """What the quantizer calls an operator: its first result, or the variable it writes; None without either."""
        if operator.code == BuiltinOperator.ASSIGN_VARIABLE:
            return graph.tensors[operator.inputs[0]].name
        return graph.tensors[operator.outputs[0]].name if operator.outputs else None

    def quantizable(self, graph: Subgraph, operator: Operator) -> bool:
        """Whether TensorFlow quantizes such an operator and the recipe does not deny it."""
        if self.recipe.scheme not in self.rules(operator).quantizable:
            return False
        names = {graph.tensors[tensor].name for tensor in operator.outputs if tensor >= 0}
        return operator.name not in self.recipe.denylisted_ops and not names & self.recipe.denylisted_nodes

    def is_real(self, operator: Operator) -> bool:
        """Whether the quantizer looks at an operator: it works on real numbers, or cannot be quantized."""
        return id(operator) in self.real

    def is_integer(self, graph: Subgraph, operator: Operator) -> bool:
        """Whether an operator computes in integers."""
        return self.is_real(operator) and self.quantizable(graph, operator)

    def operands(self, operator: Operator) -> list[int]:
        """Positions of the operands that are quantized before the operator is reached; biases are not among them."""
        rules = self.rules(operator)
        return [
            position
            for position in range(len(operator.inputs))
            if isinstance(rules.input(position), (Activation, Weight, SameAs))
        ]

    def results(self, operator: Operator) -> list[int]:
        """The result tensors that are quantized."""
        rules = self.rules(operator)
        return [t for i, t in enumerate(operator.outputs) if not isinstance(rules.output(i), Untouched)]

    def joins(self, operator: Operator) -> bool:
        """Whether all operands and the result share the scale of the result (CONCATENATION, MAXIMUM)."""
        rules = self.rules(operator)
        return rules.same_scale and any(isinstance(constraint, SameAs) for constraint in rules.inputs)

    def weight_axis(self, operator: Operator, position: int) -> int | None:
        """The channel dimension of operand `position`; None where it has one scale."""
        constraint = self.rules(operator).input(position)
        dense = operator.code == BuiltinOperator.FULLY_CONNECTED
        per_channel = self.recipe.per_channel and (self.recipe.per_channel_dense or not dense)
        return constraint.axis if isinstance(constraint, Weight) and per_channel else None

    def clips(self, operator: Operator, position: int) -> bool:
        """Whether operand `position` is a weight that the recipe clips."""
        return isinstance(self.rules(operator).input(position), Weight) and self.recipe.weight_method != "min_max"

    def weight_bits(self, graph: Subgraph, index: int) -> int:
        """How many bits a weight gets: 4 if the recipe says so and all its readers have kernels for that, else 8."""
        kernels = FOUR_BIT_WEIGHTS[self.recipe.scheme] if self.recipe.weight_bits == 4 else ()
        readers = [(op, i) for op in graph.operators for i, tensor in enumerate(op.inputs) if tensor == index]
        return 4 if all(op.code in kernels and isinstance(self.rules(op).input(i), Weight) for op, i in readers) else 8

    def values(self, tensor: Tensor) -> NDArray[Any] | None:
        """The float values of a constant; None for other tensors."""
        if tensor.type != TensorType.FLOAT32 or not tensor.size:
            return None
        return self.model.constant(tensor)

    def walk(self) -> Iterator[tuple[Subgraph, Operator]]:
        """Every operator of every graph."""
        for graph in self.model.subgraphs:
            for operator in graph.operators:
                yield graph, operator

    def place(self, operator: Operator) -> str:
        """How messages name an operator of the float model: `subgraph 0, operator 7 CONV_2D`."""
        subgraph, index = self.indices[id(operator)]
        return f"subgraph {subgraph}, operator {index} {operator.name}"


def make_plan(model: Model, recipe: Recipe) -> Plan:
    """The plan for a model.

    An operator is looked at where a tensor it would quantize is float, or where it cannot be quantized. TensorFlow
    tells operators apart by the names of their results, and is misled where two have one name; here each is itself.
    """
    plan = Plan(model, recipe)
    for graph, operator in plan.walk():
        if plan.name(graph, operator) is None:
            continue
        tensors = [*(operator.inputs[position] for position in plan.operands(operator)), *plan.results(operator)]
        is_float = any(t >= 0 and graph.tensors[t].type == TensorType.FLOAT32 for t in tensors)
        if is_float or not plan.quantizable(graph, operator):
            plan.real.add(id(operator))
    return plan

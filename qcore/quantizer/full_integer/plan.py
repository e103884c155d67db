"""What is to become of every operator and constant, from the recipe and the operators' rules, before any number.

A plan works on its own copy of the graph, in which a constant that takes its parameters from an operator (a bias, an
operand that shares the result's scale) is copied for each of its uses, so that each can have its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, Subgraph, Tensor
from qcore.quantizer.four_bits import FOUR_BIT_WEIGHTS
from qcore.quantizer.imported import Use, complete, live_operators, location, merge_equal_constants, rules_of
from qcore.quantizer.quantized_type import ROUNDED_SCALES, Formulas, QuantizedType
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.weight_methods import clip_weights
from qcore.rules import Activation, Bias, Constraint, Fixed, Rules, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Pair", "Plan", "Use", "make_plan"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A QUANTIZE with its DEQUANTIZE that the float graph holds after a tensor: what training learnt of it.

    position: of the operator in the plan before which it stands. quantized, dequantized: what the two wrote.
    """

    type: QuantizedType
    position: int
    quantized: Tensor
    dequantized: Tensor


@dataclass
class Plan:
    """One graph, seen by the quantizer.

    graph: a copy; copies of constants are appended. rules[i]: of operator i. uses, producers: as in Subgraph.
    values: the float32 constants; plain: the other ones; given: integer constants that the file quantized already.
    self_scaled: constants whose parameters follow from their own values, with their constraint if they are weights.
    four_bits: those of the weights that become int4.
    early: weights of recurrent operators, which are converted before anything else; firm: activations that they read,
    of which the range is never widened, and that are quantized even if nothing reads integers.
    origin: copy of a constant -> the constant; late_copies: those made while solving.
    absent_name: a name that an operand left off takes away from the tensors. formulas: how parameters are computed.
    pairs: tensor -> the conversions after it that were taken out of the graph.
    """

    subgraph: int
    graph: Subgraph
    recipe: Recipe
    rules: list[Rules]
    values: dict[int, Array] = field(default_factory=dict)
    given: dict[int, QuantizedType] = field(default_factory=dict)
    origin: dict[int, int] = field(default_factory=dict)
    early: set[int] = field(default_factory=set)
    firm: set[int] = field(default_factory=set)
    late_copies: set[int] = field(default_factory=set)
    self_scaled: dict[int, Weight | None] = field(default_factory=dict)
    four_bits: set[int] = field(default_factory=set)
    plain: set[int] = field(default_factory=set)
    absent_name: str | None = None
    formulas: Formulas = ROUNDED_SCALES
    pairs: Mapping[int, Pair] = field(default_factory=dict)
    uses: dict[int, list[Use]] = field(default_factory=dict)
    producers: dict[int, int] = field(default_factory=dict)

    def is_float(self, tensor: int) -> bool:
        """Whether a tensor exists and is float32."""
        return tensor >= 0 and self.graph.tensors[tensor].type == TensorType.FLOAT32

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor is a constant that the converter treats as one: those the file quantized it leaves alone."""
        return tensor in self.values or tensor in self.plain

    def is_variable(self, tensor: int) -> bool:
        """Whether a tensor keeps its value from run to run."""
        return tensor >= 0 and self.graph.tensors[tensor].is_variable

    def quantizable(self, index: int) -> bool:
        """Whether TensorFlow's MLIR quantizer quantizes this operator."""
        return "int8" in self.rules[index].quantizable

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

    def rescales(self, operator: Operator) -> bool:
        """Whether operands and results need not share one scale: the uint8 kernel of CONCATENATION rescales."""
        return operator.code == BuiltinOperator.CONCATENATION and self.formulas.type == TensorType.UINT8

    def location(self, operator: Operator) -> str:
        """What the converter calls an operator, and all its results: their names, joined."""
        return location(self.graph, operator)

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


def make_plan(
    model: Model,
    subgraph: int,
    recipe: Recipe,
    formulas: Formulas = ROUNDED_SCALES,
    pairs: Mapping[int, Pair] = MappingProxyType({}),
) -> Plan:
    """The plan of one graph; `model` gets a buffer for each constant that has to be added.

    UnsupportedError for an operator without an op file, QuantizationError for NaN in a constant.
    """
    source = model.subgraphs[subgraph]
    graph = replace(
        source,
        tensors=[replace(tensor) for tensor in source.tensors],
        operators=live_operators(source),
    )
    plan = Plan(subgraph, graph, recipe, rules_of(subgraph, graph.operators), formulas=formulas, pairs=pairs)
    _require_intermediates(plan)
    plan.absent_name = complete(model, graph, plan.rules)
    merged = merge_equal_constants(model, graph, pairs)
    for tensor, uses in graph.consumers().items():
        constant = graph.tensors[tensor]
        if not model.is_constant(constant):
            continue
        if plan.is_float(tensor) and _is_finite(plan, model, tensor, uses):
            moved = merged.get(tensor, [])
            _assign(plan, model, tensor, [*moved, *(use for use in uses if use not in moved)])
        elif constant.quant is not None and constant.quant.is_quantized:
            plan.given[tensor] = QuantizedType.of(constant.quant, constant.type)
        else:
            plan.plain.add(tensor)
    plan.uses, plan.producers = graph.consumers(), graph.producers()
    plan.four_bits = {tensor for tensor in plan.self_scaled if _is_four_bits(plan, tensor)}
    _clip(plan)
    for index, operator in enumerate(graph.operators):
        if plan.rules[index].stateful and plan.quantizable(index):
            plan.firm.update(t for i, t in enumerate(operator.inputs) if plan.rules[index].input(i) == Activation())
    return plan


def _is_four_bits(plan: Plan, tensor: int) -> bool:
    """Whether a constant becomes int4: the recipe says so, and it is a weight to all its readers, with such kernels."""
    if plan.recipe.weight_bits == 8:
        return False
    kernels = FOUR_BIT_WEIGHTS[plan.recipe.scheme]
    return all(
        isinstance(plan.rules[index].input(position), Weight) and plan.graph.operators[index].code in kernels
        for index, position in plan.uses.get(tensor, [])
    )


def _clip(plan: Plan) -> None:
    """Clip the weights whose parameters follow from their own values, as the recipe says."""
    if plan.recipe.weight_method == "min_max":
        return
    for tensor, weight in plan.self_scaled.items():
        if weight is not None and tensor not in plan.four_bits:
            plan.values[tensor] = clip_weights(plan.values[tensor], weight.axis, plan.recipe.weight_method)


def _require_intermediates(plan: Plan) -> None:
    """QuantizationError for a fused LSTM with other intermediate tensors than those that carry its scales."""
    for index, rules in enumerate(plan.rules):
        count, expected = len(plan.graph.operators[index].intermediates), len(rules.intermediates)
        if not plan.quantizable(index) or plan.denied(index) or count == expected:
            continue
        remedy = "leave them all out of the float model, and they are added"
        if not count:
            name = plan.graph.operators[index].name
            remedy = f"fake quantization gives none. Keep the operator in float: denylisted_ops=[{name!r}]"
        raise QuantizationError(f"{plan.place(index)} has {count} intermediate tensors, expected {expected}; {remedy}")


def _is_finite(plan: Plan, model: Model, tensor: int, uses: list[Use]) -> bool:
    """Whether a float constant has values, all finite; QuantizationError if not and an operator is to quantize it."""
    values = model.constant(plan.graph.tensors[tensor])
    assert values is not None
    if np.isfinite(values).all():
        return values.size > 0
    for index, _ in uses:
        if plan.quantizable(index) and not plan.denied(index):
            raise QuantizationError(
                f"{plan.place(index)}: its constant, {plan.name(tensor)}, holds NaN or infinity, of which no scale can "
                "be made; clean the float model, or keep the operator in float with denylisted_nodes"
            )
    return False


def _assign(plan: Plan, model: Model, tensor: int, uses: list[Use]) -> None:
    """Decide where a constant's parameters come from; copy it for uses that impose theirs."""
    values = model.constant(plan.graph.tensors[tensor])
    assert values is not None
    plan.values[tensor] = values
    if tensor in plan.pairs:
        return
    for index, position in uses:
        rules, constraint = plan.rules[index], plan.rules[index].input(position)
        early = rules.stateful and isinstance(constraint, Weight) and plan.quantizable(index)
        imposed = rules.same_scale or isinstance(constraint, Bias)
        own = plan.copy_constant(tensor, (index, position)) if (early or imposed) and len(uses) > 1 else tensor
        if early:
            plan.early.add(own)
        if not imposed and plan.self_scaled.get(own) is None:
            plan.self_scaled[own] = _granularity(constraint, plan, index)


def _granularity(constraint: Constraint, plan: Plan, index: int) -> Weight | None:
    """A weight's constraint under the recipe: without a channel axis where scales are per tensor; None for others."""
    if not isinstance(constraint, Weight):
        return None
    dense = plan.graph.operators[index].code == BuiltinOperator.FULLY_CONNECTED
    if constraint.axis is not None and (not plan.recipe.per_channel or (dense and not plan.recipe.per_channel_dense)):
        return Weight(None)
    return constraint

"""The vocabulary of quantization constraints: what each operand and result of an operator must satisfy.

Rules are data. The quantizer satisfies them, the auditor checks them, and both read the same objects from the
operator's file. Source of the vocabulary: TensorFlow's `converter/quantization/ir/QuantOps` traits and
`tools/optimize/operator_property.cc`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qcore.ir import Operator

__all__ = [
    "FLOAT_ONLY",
    "Activation",
    "Bias",
    "Constraint",
    "Fixed",
    "Intermediate",
    "Rules",
    "SameAs",
    "State",
    "Untouched",
    "Weight",
    "activation",
    "bias",
    "fixed",
    "same_as",
    "state",
    "untouched",
    "weight",
]


@dataclass(frozen=True, slots=True)
class Activation:
    """A value with parameters of its own, per tensor: int8 and uint8 asymmetric, int16 symmetric.

    bits: how many where it is not the scheme that decides (16: a gate of an int8 LSTM before it is normalized).
    """

    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant quantized symmetrically, narrow range, per channel of `axis`; per tensor where axis is None.

    bits: 8; 16 (peephole weights); or 10, held in int16, for products of which many are summed (SVDF).
    """

    axis: int | None
    bits: int = 8


@dataclass(frozen=True, slots=True)
class Bias:
    """An int32 (int64 for int16 activations) constant, zero point 0, scale = product of the scales of operands `of`.

    Where `intermediate` is given, its scale is a factor too; `factor` is another.
    """

    of: tuple[int, ...]
    factor: float = 1.0
    intermediate: int | None = None


@dataclass(frozen=True, slots=True)
class SameAs:
    """Shares scale and zero point with operand `operand`."""

    operand: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """(scale, zero_point) that the kernel assumes, by integer type; the observed range is ignored."""

    by_type: dict[str, tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Untouched:
    """Keeps its type: shapes, indices, axes, conditions."""


@dataclass(frozen=True, slots=True)
class State:
    """A variable tensor that the operator updates.

    result: one range with that result, since it holds the result's last moment; None: int16, symmetric, and with
    `power_of_two` the scale is the next power of two.
    """

    result: int | None = None
    power_of_two: bool = False


Constraint = Activation | Weight | Bias | SameAs | Fixed | Untouched | State


@dataclass(frozen=True, slots=True)
class Intermediate:
    """A tensor that is neither operand nor result, and holds parameters that an integer kernel needs of a value inside.

    step: the value, by the name under which the float kernel traces it. It is observed where it is traced.
    """

    step: str
    constraint: Constraint


def activation(bits: int | None = None) -> Activation:
    """A value with parameters of its own."""
    return Activation(bits)


def weight(axis: int | None, bits: int = 8) -> Weight:
    """A symmetric constant, per channel of `axis` (None: per tensor)."""
    return Weight(axis, bits)


def bias(of: tuple[int, ...], factor: float = 1.0, intermediate: int | None = None) -> Bias:
    """A bias whose scale is the product of the scales of operands `of`."""
    return Bias(of, factor, intermediate)


def same_as(operand: int) -> SameAs:
    """Shares the parameters of operand `operand`."""
    return SameAs(operand)


def fixed(**by_type: tuple[float, int]) -> Fixed:
    """Parameters the kernel assumes: fixed(int8=(1 / 256, -128), uint8=(1 / 256, 0), int16=(1 / 32768, 0))."""
    return Fixed(by_type)


def untouched() -> Untouched:
    """Never quantized."""
    return Untouched()


def state(result: int | None = None, *, power_of_two: bool = False) -> State:
    """A variable tensor."""
    return State(result, power_of_two)


@dataclass(frozen=True, slots=True)
class Rules:
    """The constraints of an operator's operands and results; the last one of each tuple repeats (CONCATENATION).

    `quantizable` names the schemes ("int8": TFLiteConverter's MLIR quantizer; "int16x8": its old quantizer) in which
    TensorFlow 2.21 quantizes the operator; in the others it stays float. An operator whose results are `same_as` an
    operand is a same-scale operator: all its float operands and results share one set of parameters.

    intermediates: those that a fused LSTM has. form(operator): the rules of an operator that comes in several forms
    (an LSTM with layer normalization). by_scheme: other rules, for schemes whose quantizer treats the operator
    differently. Ask `of`, which takes both into account.
    """

    inputs: tuple[Constraint, ...] = (Activation(),)
    outputs: tuple[Constraint, ...] = (Activation(),)
    quantizable: frozenset[str] = field(default=frozenset({"int8", "int16x8"}))
    intermediates: tuple[Intermediate, ...] = ()
    form: Callable[[Operator], Rules] | None = None
    by_scheme: Mapping[str, Rules] = field(default_factory=dict)

    def of(self, operator: Operator, scheme: str = "int8") -> Rules:
        """The rules of one operator under a scheme: of the form it has."""
        rules = self.by_scheme.get(scheme, self)
        return rules if rules.form is None else rules.form(operator)

    def input(self, position: int) -> Constraint:
        """The constraint of operand `position`."""
        return self.inputs[min(position, len(self.inputs) - 1)]

    def output(self, position: int) -> Constraint:
        """The constraint of result `position`."""
        return self.outputs[min(position, len(self.outputs) - 1)]

    @property
    def same_scale(self) -> bool:
        """Whether all float operands and results share one set of parameters."""
        return any(isinstance(constraint, SameAs) for constraint in self.outputs)

    @property
    def stateful(self) -> bool:
        """Whether the operator has a variable tensor."""
        return any(isinstance(constraint, State) for constraint in self.inputs)

    @property
    def biases(self) -> dict[int, Bias]:
        """Position and constraint of every bias operand."""
        return {i: c for i, c in enumerate(self.inputs) if isinstance(c, Bias)}

    @property
    def bias_operand(self) -> tuple[int, Bias] | None:
        """Position and constraint of the bias operand, if the operator has one."""
        return next(((i, c) for i, c in enumerate(self.inputs) if isinstance(c, Bias)), None)

    @property
    def weight_operand(self) -> tuple[int, Weight] | None:
        """Position and constraint of the (first) weight operand, if the operator has one."""
        return next(((i, c) for i, c in enumerate(self.inputs) if isinstance(c, Weight)), None)


FLOAT_ONLY = Rules(quantizable=frozenset())
"""The rules of an operator that no quantizer touches."""

"""One rule of a mixed recipe: which operators it is for, and how they are quantized."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qcore.errors import QuantizationError
from qcore.ir import Operator, Subgraph
from qcore.quantizer.blocks import BLOCK_SIZES
from tflite_schema import BuiltinOperator

__all__ = ["ISLAND_SCHEMES", "Rule", "last_match"]

ISLAND_SCHEMES = ("float", "float16", "dynamic_range", "weight_only_int8")
"""The schemes that a rule can choose beside the recipe's own: such operators read float activations."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Operators and what becomes of them.

    scheme: the recipe's own, or "float" (left alone), "float16" (all float constants in half precision),
    "dynamic_range" (integer weights, hybrid kernel), "weight_only_int8" (integer weights behind DEQUANTIZE). operators:
    builtin names; none: all. regex: found anywhere (`re.search`) in the names of the operator's results, each with ";"
    behind it, as AI Edge Quantizer matches; subgraph: its number, None for all. Of dynamic_range and weight_only_int8
    only: weight_bits, per_channel as in `Recipe`, and least_elements: smaller weights stay float32. block_size: of
    int4 weights of FULLY_CONNECTED under dynamic_range, a scale for each 32, 64, 128 or 256 in a row; 0: none.

    Raises QuantizationError for what does not exist, a regex that is none, and options without meaning.
    """

    scheme: str
    operators: Collection[str] = frozenset()
    regex: str = ""
    subgraph: int | None = None
    weight_bits: int = 8
    per_channel: bool = True
    least_elements: int = 1024
    block_size: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.operators, str):
            raise QuantizationError(f"a rule's operators are {self.operators!r}; give a list of names")
        object.__setattr__(self, "operators", frozenset(str(name).upper() for name in self.operators or ()))
        unknown = sorted(set(self.operators) - set(BuiltinOperator.__members__))
        if unknown:
            raise QuantizationError(f"a rule's operators: {', '.join(unknown)} are no builtin operators")
        try:
            re.compile(self.regex)
        except (re.error, TypeError) as error:
            raise QuantizationError(f"a rule's regex {self.regex!r} is none: {error}") from None
        if self.subgraph is not None and (type(self.subgraph) is not int or self.subgraph < 0):
            raise QuantizationError(f"a rule's subgraph is {self.subgraph!r}; give its number, or None for all")
        if self.weight_bits not in (4, 8) or type(self.weight_bits) is not int:
            raise QuantizationError(f"a rule's weight_bits is {self.weight_bits!r}; it can be 8 or 4")
        if type(self.least_elements) is not int or self.least_elements < 0 or type(self.per_channel) is not bool:
            raise QuantizationError("a rule's least_elements is a count of at least 0, per_channel true or false")
        block = (self.scheme, self.weight_bits, set(self.operators)) == ("dynamic_range", 4, {"FULLY_CONNECTED"})
        if self.block_size != 0 and (self.block_size not in BLOCK_SIZES or not block):
            raise QuantizationError(
                f"a rule's block_size is {self.block_size!r}; it can be {', '.join(map(str, BLOCK_SIZES))}, in a rule "
                "of scheme dynamic_range, weight_bits 4 and operators FULLY_CONNECTED alone"
            )
        given = (self.weight_bits, self.per_channel, self.least_elements) != (8, True, 1024)
        if given and self.scheme not in ("dynamic_range", "weight_only_int8"):
            raise QuantizationError(
                f"a rule of scheme {self.scheme} has weight_bits, per_channel or least_elements; they are of "
                "dynamic_range and weight_only_int8, for other schemes say it in the recipe"
            )

    def matches(self, subgraph: int, graph: Subgraph, operator: Operator) -> bool:
        """Whether the rule is for this operator."""
        if self.subgraph not in (None, subgraph) or (self.operators and operator.name not in self.operators):
            return False
        scope = "".join(f"{graph.tensors[tensor].name};" for tensor in operator.outputs if tensor >= 0)
        return re.search(self.regex, scope) is not None


def last_match(rules: Sequence[Rule], subgraph: int, graph: Subgraph, operator: Operator) -> Rule | None:
    """The rule that decides about an operator: the last that matches, as in AI Edge Quantizer; None: the recipe."""
    return next((rule for rule in reversed(rules) if rule.matches(subgraph, graph, operator)), None)

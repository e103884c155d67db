"""The same element under every kernel set, and the sentence that names the cause where they part.

The operator is cut out of the model and gets the operands it had under the first kernel set, so that what is seen is
its own doing and not that of operators before it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qcore.auditor.explainer import explain
from qcore.auditor.explanation import Explanation, Step
from qcore.edit import extract
from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model

__all__ = ["KERNELS", "KernelComparison", "explain_all"]

KERNELS = ("reference", "optimized", "xnnpack")
_RULES = {
    "double_rounding": "rounds twice, in the end halves away from zero",
    "single_rounding": "rounds once, halves up",
    "ruy_x86": "rounds twice, halves up",
    "vector_half_up": "rounds twice, halves up",
    "float64_half_away": "rounds the float64 product, halves away from zero",
    "float32_half_even": "rounds the float32 product, halves to even",
    "int64_accumulator": "rounds once with a 15-bit multiplier, halves up",
}


@dataclass(frozen=True, slots=True)
class KernelComparison:
    """explanations: by kernel set; refused: why a set cannot be explained; cause: what separates them."""

    explanations: Mapping[str, Explanation]
    refused: Mapping[str, str]
    cause: str

    @property
    def agree(self) -> bool:
        """Whether all sets give the same number."""
        return len({e.value for e in self.explanations.values()}) < 2


def explain_all(
    model: str | os.PathLike[str] | bytes | Model,
    inputs: Any,
    operator: int,
    at: Sequence[int] | None = None,
    *,
    kernels: Sequence[str] = KERNELS,
) -> KernelComparison:
    """`explain` under each kernel set; the operands are those of the first set's run.

    UnsupportedError: no set can run the operator.
    """
    first = Interpreter(model, kernels=kernels[0])
    first.run(inputs)
    alone = extract(first.model, [operator])
    fed = dict.fromkeys(t for t in first.model.main.operators[operator].inputs if t >= 0 and _is_fed(first.model, t))
    values = [first.get_tensor(index) for index in fed]  # by position, for names need not be unique
    explanations: dict[str, Explanation] = {}
    refused: dict[str, str] = {}
    for name in kernels:
        try:
            explanations[name] = replace(explain(alone, values, 0, at, kernels=name), operator=operator)
        except UnsupportedError as error:
            refused[name] = str(error)
    if not explanations:
        raise UnsupportedError("; ".join(f"{name}: {why}" for name, why in refused.items()))
    return KernelComparison(explanations, refused, _cause(explanations))


def _is_fed(model: Model, tensor: int) -> bool:
    """Whether a tensor is an input of the operator that reads it, taken by itself."""
    held = model.main.tensors[tensor]
    return not model.is_constant(held) and not held.is_variable


def _cause(explanations: Mapping[str, Explanation]) -> str:
    if len({e.value for e in explanations.values()}) < 2:
        return "All kernel sets give the same number."
    steps = {name: {step.name: step for step in e.steps} for name, e in explanations.items()}
    everywhere = [step.name for step in next(iter(explanations.values())).steps]
    for step in everywhere:
        found = {name: of[step] for name, of in steps.items() if step in of}
        if len({s.value for s in found.values()}) > 1:
            return _sentence(step, found)
    return "They part in a step that is not traced: " + ", ".join(f"{n} {e.value}" for n, e in explanations.items())


def _sentence(name: str, found: Mapping[str, Step]) -> str:
    parts = []
    for kernels, step in found.items():
        r, how = step.rounding, ""
        if r is not None:
            how = f" {_RULES[r.rule]}: {float(r.seen):.10g}{', a tie,' if r.is_tie else ''} becomes"
        parts.append(f"{kernels}{how} {step.value}")
    return f"They part at {name!r}: " + "; ".join(parts) + "."

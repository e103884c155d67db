"""One element of a result and how it came about, as data: what `explain` returns and the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from qcore.auditor.taps import Taps
from qcore.kernel_sets import KernelSet

__all__ = ["Explanation", "Rounding", "Step"]


@dataclass(frozen=True, slots=True)
class Rounding:
    """A product with a real multiplier, brought to an integer.

    rule: a key of `qcore.numerics.requantize.RULES`; equation: what it says. real_multiplier: M as the kernel works it
    out; multiplier, shift: M ~ multiplier * 2^(shift - 31), 0 for rules in floating point. exact: the product before
    the rounding, no digit lost. seen: what the last rounding sees of it: the product in float32 or float64, or after
    the first of two roundings.
    """

    rule: str
    equation: str
    real_multiplier: float
    multiplier: int
    shift: int
    exact: Fraction
    seen: Fraction

    @property
    def is_tie(self) -> bool:
        """Whether the last rounding sees the middle between two integers: rounding rules part there."""
        return self.seen.denominator == 2


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the kernel: its declared equation and its value at the element, as the kernel went on with it."""

    name: str
    equation: str
    value: int | float
    rounding: Rounding | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How element `at` of result 0 of an operator came about under one kernel set.

    steps: in the kernel's order. value: the stored number; scale, zero_point: of the result (None for floats); real:
    the number it stands for, scale * (value - zero_point). errors: for sums of products, what separates `real` from the
    exact real result of the same integers, in steps of the result's scale, by cause; they add up.
    """

    operator: int
    name: str
    at: tuple[int, ...]
    kernels: KernelSet
    executor: KernelSet
    refused: str | None
    steps: tuple[Step, ...]
    taps: Taps | None
    scales: Mapping[str, float]
    zero_points: Mapping[str, int]
    value: int | float
    real: float
    errors: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts; exact products as fractions."""
        table = asdict(self)
        table["kernels"], table["executor"] = str(self.kernels), str(self.executor)
        table["scales"], table["zero_points"], table["errors"] = (
            dict(self.scales),
            dict(self.zero_points),
            dict(self.errors),
        )
        for step in table["steps"]:
            if step["rounding"] is not None:
                step["rounding"] |= {name: str(step["rounding"][name]) for name in ("exact", "seen")}
        if self.taps is not None:
            table["taps"] = {
                "padded": self.taps.padded,
                "products": [[list(t.x_at), list(t.w_at), t.x, t.w, t.product] for t in self.taps.products],
            }
        return table

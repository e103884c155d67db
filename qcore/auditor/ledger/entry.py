"""One line of the ledger: what an operator's error is made of, and what the data shows of its result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.metrics import decibels

__all__ = ["Cause", "Effect", "Entry", "Gain", "Seen"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Noise of one source. power: of the difference it makes in its turn; alone: with all other sources off.

    largest: the largest error of an element in its turn, in real numbers.
    """

    power: float
    alone: float
    largest: float


@dataclass(frozen=True, slots=True)
class Gain:
    """Decibels gained at the outputs; error: their standard error over the samples, by the jackknife.

    It is infinite for a single sample, and where a sample less makes the gain infinite.
    """

    decibels: float
    error: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operator's own error does to the model's outputs, in the samples that were probed.

    sqnr: of the outputs if this error were the only one. regained: by how much the SQNR of the outputs rises without
    this error, all others left as they are; below 0 where it makes up for others.
    """

    sqnr: float
    regained: Gain


@dataclass(frozen=True, slots=True)
class Seen:
    """What the data shows of a quantized result.

    calibrated: the real numbers the type can hold. seen: lowest and highest value of the float model. elements: how
    many there were. at_low, at_high: elements at the ends of the type. clipped: elements that the type's range cut by
    more than half a step, beyond what a fused activation does. dead: channels of one integer in all data, which move in
    the float model by more than half a step; constant: channels that stand still in the float model too.
    """

    calibrated: tuple[float, float]
    seen: tuple[float, float]
    elements: int
    at_low: int
    at_high: int
    clipped: int
    channels: int = 0
    dead: tuple[int, ...] = ()
    constant: tuple[int, ...] = ()

    @property
    def used(self) -> float:
        """The share of the calibrated range that the data fills."""
        low, high = self.calibrated
        inside = min(self.seen[1], high) - max(self.seen[0], low)
        return max(0.0, inside) / (high - low) if high > low else 0.0

    @property
    def exceeded(self) -> float:
        """How far the data reaches beyond the calibrated range, in parts of it."""
        low, high = self.calibrated
        beyond = max(low - self.seen[0], self.seen[1] - high, 0.0)
        return beyond / (high - low) if high > low else math.inf


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator, or the quantization of the inputs (operator None, name "INPUT").

    All powers are sums of squares over the elements of the result and over the samples. signal: of the float model's
    result. accumulated: of the distance from it. inherited: of what the operands' errors make of it in float. own: of
    the rest, the operator's own error. causes: what that consists of. remainder: the largest element by which the
    causes' differences fail to add up to the error. distribution: of the result's values, in float and in integers.

    Of the `probed` elements, those of the samples that were followed to the outputs: flips: kernel set -> integers that
    it makes others than the reference kernels, on the same operands; near_ties: numbers within 1/1024 step of a tie.
    """

    operator: int | None
    name: str
    tensor: int
    tensor_name: str
    type: str
    scale: float | None
    zero_point: int | None
    signal: float
    accumulated: float
    inherited: float
    own: float
    causes: Mapping[str, Cause]
    remainder: float
    seen: Seen | None = None
    effect: Effect | None = None
    flips: Mapping[str, int] = field(default_factory=dict)
    near_ties: int = 0
    probed: int = 0
    distribution: Distribution | None = field(default=None, compare=False)

    @property
    def sqnr(self) -> float:
        """Decibels of the signal over the accumulated error."""
        return decibels(self.signal, self.accumulated)

    @property
    def own_sqnr(self) -> float:
        """Decibels of the signal over the operator's own error."""
        return decibels(self.signal, self.own)

    def cause_sqnr(self, cause: str) -> float:
        """Decibels of the signal over one cause's noise."""
        return decibels(self.signal, self.causes[cause].power)

    @property
    def parts(self) -> float:
        """The sum of the causes' powers."""
        return math.fsum(cause.power for cause in self.causes.values())

    @property
    def cross(self) -> float:
        """own - parts: twice the products between causes, element by element; 0 where they are independent."""
        return self.own - self.parts

    def as_json(self) -> dict[str, Any]:
        """Plain values; noise in decibels below the signal."""
        alone = {cause: decibels(self.signal, found.alone) for cause, found in self.causes.items()}
        return {
            "operator": self.operator,
            "name": self.name,
            "tensor": self.tensor,
            "tensor_name": self.tensor_name,
            "type": self.type,
            "scale": self.scale,
            "zero_point": self.zero_point,
            "sqnr": self.sqnr,
            "inherited_sqnr": decibels(self.signal, self.inherited),
            "own_sqnr": self.own_sqnr,
            "causes": {cause: {"sqnr": self.cause_sqnr(cause), "alone": alone[cause]} for cause in self.causes},
            "cross": self.cross / self.own if self.own else 0.0,
            "remainder": self.remainder,
            "seen": None if self.seen is None else asdict(self.seen),
            "effect": None if self.effect is None else asdict(self.effect),
            "flips": dict(self.flips),
            "near_ties": self.near_ties,
            "probed": self.probed,
        }

"""What a range method is: what it keeps of a tensor's values, and the range it reads from that.

A `Statistic` is what is kept of one tensor: of bounded size, filled value by value, merged, saved. A `Method` holds the
parameters of a way to choose a range; its fields are what `calibrate` accepts and what a file of statistics records.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from qcore.errors import CalibrationError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MergeableStatistic", "Method", "Range", "Statistic", "field_of", "require", "require_whole"]

Array = NDArray[Any]
Range = tuple[np.float32, np.float32]
"""(min, max)."""


class Statistic(ABC):
    """What is kept of the values of one tensor."""

    @abstractmethod
    def add(self, values: Array, low: Any, high: Any) -> None:
        """Take in float32 values, at least one and none of them NaN; `low` and `high` are their extremes."""

    def end_sample(self) -> None:
        """Called after each sample, for statistics that tell samples apart."""
        return

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there is nothing to read a range from."""

    @property
    def skipped(self) -> int:
        """How many infinities were left out."""
        return 0


class MergeableStatistic(Statistic):
    """A statistic that holds more than the range read from it, and is saved beside it."""

    @abstractmethod
    def merged(self, other: Self) -> Self:
        """The statistic of these values followed by the other's; CalibrationError where they do not fit."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What a file holds."""

    @classmethod
    @abstractmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave; CalibrationError for anything else."""


S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True, slots=True)
class Method(ABC, Generic[S]):
    """A way to choose the range of a tensor; a subclass's fields are its parameters."""

    name: ClassVar[str]
    statistic: ClassVar[type[Statistic]]

    @abstractmethod
    def start(self) -> S:
        """The statistic of a tensor of which nothing was seen."""

    @abstractmethod
    def range(self, statistic: S) -> Range:
        """The range that a statistic, not empty, gives."""

    def look_again(self, statistic: S) -> S | None:
        """The statistic that a second pass over the samples fills, given the first one; None: one pass is enough."""
        return None

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def require(condition: bool, message: str) -> None:
    """CalibrationError with that message unless the condition holds."""
    if not condition:
        raise CalibrationError(message)


def require_whole(name: str, value: Any, low: int, high: int) -> None:
    """CalibrationError unless a value is an int from `low` to `high`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    require(whole and low <= value <= high, f"{name} is {value!r}; it is a whole number from {low} to {high}")


def field_of(content: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    """A field of a file: a list, an int or a finite float (for which an int will do); CalibrationError otherwise."""
    value = content.get(name)
    accepted = (int, float) if kind is float else kind
    fits = isinstance(value, accepted) and not isinstance(value, bool)
    require(fits and (kind is not float or _is_finite(value)), f"{name} is {value!r:.60}, expected {kind.__name__}")
    return float(value) if kind is float else value  # type: ignore[arg-type]


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False

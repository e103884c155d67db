"""The hook through which a kernel shows its intermediate values."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Trace(Protocol):
    """Called as ``value = trace(name, value)``; returns `value` unchanged.

    `recording` tells whether anybody keeps the values. A kernel may then choose larger blocks, never another formula.
    """

    @property
    def recording(self) -> bool:
        """Whether the values are kept."""

    def __call__(self, name: str, value: Array, /) -> Array:
        """Keep `value` under the name of its step."""


class NoTrace:
    """The trace of a plain run: nobody looks."""

    recording = False

    def __call__(self, name: str, value: Array, /) -> Array:
        """`value`."""
        return value


NO_TRACE = NoTrace()


class Kept:
    """A trace that keeps the steps, by name: of one part of a result, or of every operand of a table."""

    recording = True

    def __init__(self) -> None:
        self.steps: dict[str, Array] = {}

    def __call__(self, name: str, value: Array, /) -> Array:
        """Keep `value`; a name given twice keeps the later value."""
        self.steps[name] = value
        return value

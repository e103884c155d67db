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

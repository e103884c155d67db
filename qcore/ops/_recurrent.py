"""What recurrent operators share: the order of time, float activations, and values shown step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qcore.op import Array, Context, Node
from qcore.ops import _eigen
from tflite_schema import ActivationFunctionType

__all__ = ["Activation", "Trail", "activation_function", "prefixed", "steps_first", "steps_in_place"]

Float32Array = NDArray[np.float32]
Activation = Callable[[Float32Array], Float32Array]

_FUNCTIONS: dict[ActivationFunctionType, Activation] = {
    ActivationFunctionType.RELU: lambda x: np.maximum(x, np.float32(0)),
    ActivationFunctionType.RELU_N1_TO_1: lambda x: np.clip(x, np.float32(-1), np.float32(1)),
    ActivationFunctionType.RELU6: lambda x: np.clip(x, np.float32(0), np.float32(6)),
    ActivationFunctionType.TANH: _eigen.tanh,
    ActivationFunctionType.SIGN_BIT: lambda x: np.signbit(x).astype(np.float32),
}


def activation_function(n: Node, fused: ActivationFunctionType, *, identity: bool) -> Activation:
    """The fused activation on float32; NONE is the identity where the kernel copes with it.

    Raises UnsupportedError for others: with NONE, TFLite's LSTM reads memory that nothing has written.
    """
    if identity and fused == ActivationFunctionType.NONE:
        return lambda x: x
    if fused not in _FUNCTIONS:
        name = getattr(fused, "name", str(int(fused)))
        raise n.unsupported(f"fused activation {name} has no kernel; use TANH")
    return _FUNCTIONS[fused]


def steps_first(x: Array, time_major: bool) -> Array:
    """x [batch, time, ...] or, time_major, [time, batch, ...] as [time, batch, ...]."""
    return x if time_major else x.swapaxes(0, 1)


def steps_in_place(y: Array, time_major: bool) -> Array:
    """The inverse of `steps_first`, contiguous."""
    return y if time_major else np.ascontiguousarray(y.swapaxes(0, 1))


class Trail:
    """Collects values of single time steps and shows each name as one array [time, ...]."""

    def __init__(self, ctx: Context, order: Iterable[int]) -> None:
        self._trace = ctx.trace
        self._order = np.argsort(np.array(list(order), np.intp)) if ctx.trace.recording else None
        self._values: dict[str, list[Array]] = {}

    def keep(self, name: str, value: Array) -> Array:
        """Keep a copy of `value` if somebody records; returns `value`."""
        if self._order is not None:
            self._values.setdefault(name, []).append(value.copy())
        return value

    def show(self) -> None:
        """Trace every name, its steps in order of time."""
        if self._order is not None:
            for name, values in self._values.items():
                self._trace(name, np.stack(values)[self._order])


class _Prefixed:
    """A trace whose names start with the name of a part."""

    recording = True

    def __init__(self, ctx: Context, prefix: str) -> None:
        self._trace, self._prefix = ctx.trace, prefix

    def __call__(self, name: str, value: Array, /) -> Array:
        return self._trace(self._prefix + name, value)


def prefixed(ctx: Context, prefix: str) -> Context:
    """The context for a part of an operator: what it traces has `prefix` before its names."""
    return replace(ctx, trace=_Prefixed(ctx, prefix)) if ctx.trace.recording else ctx

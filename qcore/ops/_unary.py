"""The elementwise unary family: its shapes, and 8-bit operators as tables of their 256 results.

An 8-bit operator has 256 possible operands. `prepare` carries its steps out for all of them; a run looks results up,
and a recorded run looks up every step the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from qcore.errors import UnsupportedError
from qcore.numerics.lut import lookup_8bit
from qcore.numerics.trace import Kept, Trace
from qcore.op import Array, Context, Kernel, Node, Shape
from qcore.ops._scaling import require_one_type

__all__ = [
    "ByteTable",
    "Steps",
    "collect",
    "eval_float",
    "infer_same_shape",
    "kernel_of",
    "prepare_plain",
    "require_not_below",
    "tabulate",
]

_BLOCK = 8192  # numbers; a step's int64 array is 64 KB then

Steps = Callable[[Any, Array, Trace], Array]
"""steps(params, x, trace) -> y: an operator's arithmetic on integers of any shape."""


@dataclass(frozen=True, slots=True, eq=False)
class ByteTable:
    """The results of an 8-bit operator and the values of its steps, each at the raw byte of the operand."""

    entries: Array
    steps: Mapping[str, Array]

    def look_up(self, x: Array, trace: Trace) -> Array:
        """entries[x]; every step is traced if somebody records."""
        if trace.recording:
            for name, values in self.steps.items():
                trace(name, lookup_8bit(x, values))
        return lookup_8bit(x, self.entries)


def tabulate(steps: Steps, params: Any, dtype: DTypeLike) -> ByteTable:
    """The steps carried out for all 256 numbers of an 8-bit dtype."""
    operands = np.arange(256, dtype=np.uint8).view(dtype)
    return collect(lambda trace: steps(params, operands, trace))


def collect(build: Callable[[Trace], Array]) -> ByteTable:
    """What `build` returns and traces for the 256 operands, as a table."""
    trace = Kept()
    entries = build(trace)
    return ByteTable(entries, {name: np.broadcast_to(value, (256,)) for name, value in trace.steps.items()})


def kernel_of(steps: Steps) -> Kernel:
    """The kernel of an integer operator whose Params have a `table`: looked up for 8 bits, worked out for more."""

    def kernel(p: Any, inputs: list[Array], ctx: Context) -> list[Array]:
        x = inputs[0]
        if p.table is not None:
            return [p.table.look_up(x, ctx.trace)]
        return [in_blocks(lambda block: steps(p, block, ctx.trace), x, trace=ctx.trace)]

    return kernel


def in_blocks(work: Callable[..., Array], *operands: Array, trace: Trace) -> Array:
    """work(*operands), done on pieces that stay in the cache where operands have one shape and nobody records."""
    x = operands[0]
    if x.size <= _BLOCK or trace.recording or any(other.shape != x.shape for other in operands):
        return work(*operands)
    flat = [operand.reshape(-1) for operand in operands]
    pieces = [work(*(operand[i : i + _BLOCK] for operand in flat)) for i in range(0, x.size, _BLOCK)]
    return np.concatenate(pieces).reshape(x.shape)


def eval_float(function: Callable[[Array], Array]) -> Kernel:
    """The kernel of a function of one array, without constants."""

    def kernel(p: object, inputs: list[Array], ctx: Context) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(function(inputs[0]))]

    return kernel


def infer_same_shape(n: Node) -> list[Shape]:
    """One result with the shape of the one operand."""
    n.require(len(n.inputs) == 1, f"takes 1 operand, the file gives {len(n.inputs)}")
    return [n.input(0).shape]


def prepare_plain(n: Node) -> None:
    """No constants; operand and result of one type."""
    require_one_type(n)


def require_not_below(x: Array, lowest: int, message: str) -> None:
    """Raise UnsupportedError, as TFLite fails at run time, if a number of x lies below `lowest`."""
    if x.size and int(x.min()) < lowest:
        raise UnsupportedError(f"{message} is not defined; the operand goes down to {x.min()}, its zero is at {lowest}")

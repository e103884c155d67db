"""An input that attains a bound, and the proof of it: the operator is run on it and its accumulator looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.proof import LayerProof
from qcore.auditor.proof.bounds import Range
from qcore.auditor.taps import operands, taps
from qcore.edit import extract
from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model

__all__ = ["Side", "Witness", "witness"]

Side = Literal["low", "high"]
_LARGEST = 1 << 26  # elements


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """An input of an operator, and what ran on it.

    model: the operator alone; value: its input, the integers (hybrid: the floats) that attain the bound at element
    `at` of its result. bound: the sum with its bias that was proved; accumulator: the one that ran, exact; kept: what
    the kernel's accumulator held of it (it wraps).
    """

    model: Model
    value: NDArray[Any]
    at: tuple[int, ...]
    bound: int
    accumulator: int
    kept: int
    result: int | float

    @property
    def verified(self) -> bool:
        """Whether the run attained the bound."""
        return self.accumulator == self.bound


def witness(model: Model, layer: LayerProof, channel: int, side: Side, *, by_type: bool = False) -> Witness:
    """The input that makes one channel's accumulator as low or as high as the weights allow, run by the interpreter.

    by_type: of all integers of the type, not only those that this graph lets through. Raises UnsupportedError for an
    input too large to be run.
    """
    p = layer.product
    if math.prod(p.x.shape) > _LARGEST:
        raise UnsupportedError(f"{p.node.place}: an input {p.x.shape} is too large to be made and run")
    b = layer.by_type if by_type else layer.by_reach
    high = side == "high"
    kind = int((b.kind_high if high else b.kind_low)[channel])
    at = p.at(kind, channel)
    alone = extract(model, [p.node.index], subgraph=p.node.subgraph)
    position = next(i for i, tensor in enumerate(p.node.inputs) if tensor is p.x)
    alone.main.inputs = (alone.main.operators[0].inputs[position],)
    fed = alone.main.tensors[alone.main.inputs[0]]
    fed.shape, fed.shape_signature, fed.is_variable = p.x.shape, None, False
    value = _hybrid(layer, at, high) if p.hybrid else _integers(layer, at, high, by_type)
    interpreter = Interpreter(alone)
    recording = interpreter.record()
    result = np.asarray(interpreter.run([value])[0])[at]
    steps = recording.steps(0)
    accumulator, kept = _accumulators(steps, result, at, layer)
    bound = int((b.high if high else b.low)[channel])
    return Witness(alone, value, at, bound, accumulator, kept, result.item())


def _accumulators(steps: dict[str, Any], result: Any, at: tuple[int, ...], layer: LayerProof) -> tuple[int, int]:
    """The exact sum with its bias, and what the kernel had of it."""
    p = layer.product
    flat = np.ravel_multi_index(at, np.shape(steps["accumulate"])) if np.ndim(steps["accumulate"]) == len(at) else None
    if flat is None:  # rows of a FULLY_CONNECTED that keeps its dimensions
        flat = np.ravel_multi_index(at, p.node.output().shape)
    exact = int(steps["accumulate"].reshape(-1)[flat]) + int(p.bias[at[p.channel_axis]])
    if p.tail is None:
        return exact, exact if p.hybrid else int(result)
    return exact, int(steps["add_bias"].reshape(-1)[flat])


def _terms(layer: LayerProof, at: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    """Where the input of each product stands, and its weight."""
    p = layer.product
    x, w = operands(p.node)
    constant = x.value if p.x is w else w.value
    assert constant is not None
    blank = np.zeros(p.x.shape, np.int64)
    left, right = (constant, blank) if p.x is w else (blank, constant)
    found = taps(p.node, left, right, at)
    assert found is not None
    places = [(tap.w_at, tap.x_at) if p.x is w else (tap.x_at, tap.w_at) for tap in found.products]
    return [(place, int(constant[stored]) - p.weight_zero_point) for place, stored in places]


def _integers(layer: LayerProof, at: tuple[int, ...], high: bool, by_type: bool) -> NDArray[Any]:
    p = layer.product
    info = np.iinfo(p.x.dtype)
    range_ = Range.of(int(info.min), int(info.max)) if by_type else layer.input_range
    assert range_ is not None
    low, most = (np.broadcast_to(end, p.x.shape) for end in range_)
    value = np.clip(np.full(p.x.shape, p.zero_point, np.int64), low, most)
    for place, weight in _terms(layer, at):
        value[place] = most[place] if (weight > 0) == high else low[place]
    return value.astype(p.x.dtype)


def _hybrid(layer: LayerProof, at: tuple[int, ...], high: bool) -> NDArray[np.float32]:
    """Floats whose quantization gives every product its end: 1 and -1, or 0 and one of them, so that z is at an end."""
    p = layer.product
    value = np.zeros(p.x.shape, np.float32)
    terms = _terms(layer, at)
    if not p.asymmetric:
        for place, weight in terms:
            value[place] = 1 if (weight > 0) == high else -1
        return value
    positive = sum(weight for _, weight in terms if weight > 0)
    negative = -sum(weight for _, weight in terms if weight < 0)
    sign = 1 if (positive >= negative) == high else -1
    for place, weight in terms:
        value[place] = sign if (weight * sign > 0) == high else 0
    return value

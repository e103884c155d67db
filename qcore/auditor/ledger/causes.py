"""An operator's own error, taken apart by switching its sources on one after the other.

Fed with what the quantized model gave it, an operator would compute v[0] in float; what it did compute is v[-1].
Between them stand exact real numbers, each with one source more than the one before:

    v[0]                  the float operator: float weights, float bias
    weight_rounding       the weights are those of the file:  act(acc * sx * sw + bias)
    bias_rounding         the bias is that of the file:       act((acc + bias_q) * sx * sw)
    range_clipping        cut to what the result's type can hold:  scale * (q - zero_point), q in the type's range
    activation_rounding   to the nearest of these numbers
    requantization        what the kernel made of it: multipliers, double rounding, shifts (lookup_table: tables and
                          fixed-point polynomials)

The differences add up to the whole error, element by element, whatever their order; their powers and the cross terms
between them add up to its power. `alone` is the same source with all others off, or, for the last, all others on.
acc is the accumulator of the kernel that ran. An operator with float activations and integer weights rounds its input
as it runs: activation_rounding is then the last difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import CONVERSIONS, Alignment, operand_pairs
from qcore.auditor.ledger.sample import Grid, Run, plain_numbers
from qcore.auditor.ledger.stepper import Stepper
from qcore.errors import UnsupportedError
from qcore.ir import Model
from qcore.numerics.affine import ACTIVATION_BOUNDS
from qcore.numerics.trace import Kept
from tflite_schema import BuiltinOperator

__all__ = ["CAUSES", "Apart", "Computed", "Split", "as_rows", "largest"]

Array = NDArray[Any]
Float64Array = NDArray[np.float64]
_BLOCK = 32768  # elements worked on at a time
_ZERO: Float64Array = np.zeros(())
"""The difference of a cause that does nothing."""
CAUSES = (
    "weight_rounding",
    "bias_rounding",
    "range_clipping",
    "activation_rounding",
    "requantization",
    "lookup_table",
)
_OPERANDS = {
    BuiltinOperator.CONV_2D: (0, 1, 2),
    BuiltinOperator.DEPTHWISE_CONV_2D: (0, 1, 2),
    BuiltinOperator.FULLY_CONNECTED: (0, 1, 2),
    BuiltinOperator.TRANSPOSE_CONV: (2, 1, 3),
}
"""Sums of products whose kernels show their accumulator: the positions of input, weights and bias."""
_TABLES = frozenset(
    {
        BuiltinOperator.COS,
        BuiltinOperator.ELU,
        BuiltinOperator.EXP,
        BuiltinOperator.GELU,
        BuiltinOperator.HARD_SWISH,
        BuiltinOperator.LOG,
        BuiltinOperator.LOGISTIC,
        BuiltinOperator.LOG_SOFTMAX,
        BuiltinOperator.RSQRT,
        BuiltinOperator.SIN,
        BuiltinOperator.SOFTMAX,
        BuiltinOperator.SQRT,
        BuiltinOperator.TANH,
    }
)


@dataclass
class Split:
    """Rows of one result of one run, in real numbers.

    exact: the float operator's, on the same operands; actual: what the kernel made.
    differences: by cause, in order, they add up to actual - exact. alone: where it is another than the difference.
    unclipped: what would be stored in a type without ends.
    """

    exact: Float64Array
    actual: Float64Array
    differences: dict[str, Float64Array]
    alone: dict[str, Float64Array] = field(default_factory=dict)
    unclipped: Float64Array | None = None

    @property
    def remainder(self) -> float:
        """By how much, at most, the differences fail to add up to actual - exact."""
        rest = self.actual - self.exact
        for difference in self.differences.values():
            if difference is not _ZERO:
                rest -= difference
        return largest(rest)


def largest(values: Float64Array) -> float:
    """The largest magnitude; 0 of nothing."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def as_rows(values: Array) -> Array:
    """[..., channels] as [rows, channels], of real numbers."""
    values = plain_numbers(values)
    return values.reshape(-1, values.shape[-1] if values.ndim else 1)


@dataclass(frozen=True)
class Computed:
    """exact: the float operator's result, whole. split(rows): the result taken apart, for some rows of `as_rows`."""

    exact: Array
    split: Callable[[slice], Split]

    def blocks(self) -> Iterator[tuple[slice, Split]]:
        """All rows, in blocks that stay in the cache."""
        rows, channels = as_rows(self.exact).shape
        step = max(1, _BLOCK // max(channels, 1))
        for first in range(0, rows, step):
            at = slice(first, min(first + step, rows))
            yield at, self.split(at)


class Apart:
    """An operator of the quantized model, to be taken apart in run after run."""

    def __init__(self, quantized: Model, float_model: Model, alignment: Alignment, index: int) -> None:
        self.index, self.alignment = index, alignment
        self.operator = quantized.main.operators[index]
        self.twin = alignment.twins.get(index)
        self.grids = [Grid.of(quantized.main.tensors[t]) for t in self.operator.outputs]
        self.positions = self._product_positions(quantized)
        self.theirs = None if self.twin is None else float_model.main.operators[self.twin]
        last = "lookup_table" if self.operator.code in _TABLES else "requantization"
        self.last = last if any(grid is not None for grid in self.grids) else "activation_rounding"
        if self.operator.code in CONVERSIONS:
            self.last = "requantization"
        if self.positions is not None:
            x, w = (quantized.main.tensors[self.operator.inputs[p]].quant for p in self.positions[:2])
            assert x is not None
            assert w is not None
            self.scale = float(x.scale[0]) * w.scale.astype(np.float64)
            fused = getattr(self.operator.options, "fused_activation_function", None)
            name = "NONE" if fused is None else fused.name
            if name not in ACTIVATION_BOUNDS:
                raise UnsupportedError(f"{quantized.place(0, index)}: the fused activation {name} has no kernel")
            self.bounds = ACTIVATION_BOUNDS[name]

    def _product_positions(self, model: Model) -> tuple[int, int, int] | None:
        """Where input, weights and bias stand, if the kernel shows the accumulator of integers; None otherwise."""
        positions = _OPERANDS.get(self.operator.code)
        if positions is None or self.twin is None or self.grids[0] is None:
            return None
        x, w = (self.operator.inputs[p] for p in positions[:2])
        quant = model.main.tensors[w].quant
        known = Grid.of(model.main.tensors[x]) is not None and quant is not None and quant.is_quantized
        return positions if known and w in self.alignment.constants else None

    def constants(self) -> list[tuple[int, int]]:
        """(position, tensor) of the float constants' counterparts, where no accumulator tells what they do."""
        if self.positions is not None or self.theirs is None:
            return []
        pairs = enumerate(operand_pairs(self.operator, self.theirs))
        return [(p, mine) for p, (mine, other) in pairs if other in self.alignment.exact_constants]

    def operands(self, run: Run) -> dict[int, Any]:
        """The float operator's tensors, with what the quantized model's operands stand for."""
        assert self.theirs is not None
        given = dict(run.exact)
        for mine, other in operand_pairs(self.operator, self.theirs):
            if mine >= 0 and mine not in self.alignment.constants:
                given[other] = run.real(mine)
        return given

    def compute(self, run: Run, exact: Stepper, rounded: Stepper | None) -> Computed:
        """Result 0 of the operator in a run. rounded: the float model with the constants of the quantized one."""
        tensor, grid = self.operator.outputs[0], self.grids[0]
        q = run.real(tensor) if grid is None else run.values[tensor]
        if self.twin is None:  # a conversion
            start = run.real(self.operator.inputs[0])
            return Computed(start, partial(self._plain, as_rows(q), as_rows(start), None))
        operands = self.operands(run)
        if self.positions is not None:
            trace = Kept()
            start = exact.results(self.twin, operands, trace)[0]
            before = trace.steps.get("add_bias", trace.steps["accumulate"]).reshape(start.shape)
            acc = run.accumulators[self.index].reshape(start.shape)
            biases = self._bias(run, self.positions[2])
            return Computed(start, partial(self._product, tuple(map(as_rows, (q, start, before, acc))), biases))
        start = exact.results(self.twin, operands)[0]
        value = None if rounded is None else as_rows(rounded.results(self.twin, operands)[0])
        return Computed(start, partial(self._plain, as_rows(q), as_rows(start), value))

    def _actual(self, q: Array) -> Float64Array:
        return q.astype(np.float64) if self.grids[0] is None else self.grids[0].real(q)

    def _plain(self, q: Array, start: Array, value: Array | None, at: slice) -> Split:
        """Rows `at` of a result without an accumulator; value: with the weights of the file, where there are any."""
        split = Split(start[at].astype(np.float64), self._actual(q[at]), {})
        if value is None:
            return self._finish(split, split.exact)
        rounded = value[at].astype(np.float64)
        split.differences["weight_rounding"] = rounded - split.exact
        return self._finish(split, rounded)

    def _product(self, arrays: tuple[Array, ...], biases: tuple[Any, Any], at: slice) -> Split:
        """Rows `at` of a sum of products. arrays: integers, the float result and its sums, the accumulators."""
        (q, start, before, acc), (bias, stored) = arrays, biases
        split = Split(start[at].astype(np.float64), self._actual(q[at]), {})
        sums = acc[at] * self.scale
        with_weights = self._act(sums + bias)
        sums += stored
        with_bias = self._act(sums)
        split.differences["weight_rounding"] = with_weights - split.exact
        split.differences["bias_rounding"] = with_bias - with_weights
        split.alone["bias_rounding"] = self._act(before[at] + (stored - bias)) - split.exact
        return self._finish(split, with_bias)

    def _bias(self, run: Run, position: int) -> tuple[Any, Any]:
        """The float bias, and what the kernel takes the stored one for: bias_q * sx * sw."""
        assert self.theirs is not None
        mine, other = ([*op.inputs, -1, -1][position] for op in (self.operator, self.theirs))
        bias = 0.0 if other < 0 else np.asarray(run.exact[other], np.float64).reshape(-1)
        stored = 0.0 if mine < 0 else np.asarray(run.values[mine]).reshape(-1) * self.scale
        return bias, stored

    def _act(self, values: Float64Array) -> Float64Array:
        low, high = self.bounds
        return values if low is None and high is None else np.clip(values, low, high)

    def _finish(self, split: Split, value: Float64Array) -> Split:
        """Clip, round, and what is left."""
        grid = self.grids[0]
        if grid is not None:
            inside, alone_inside = grid.holds(value), grid.holds(split.exact)
            clipped = value if inside else grid.clip(value)
            rounded = grid.round(clipped)
            split.differences["range_clipping"] = _ZERO if inside else clipped - value
            split.differences["activation_rounding"] = rounded - clipped
            split.alone["range_clipping"] = _ZERO if alone_inside else grid.clip(split.exact) - split.exact
            split.alone["activation_rounding"] = grid.round(split.exact) - split.exact
            split.unclipped = value
            value = rounded
        split.differences[self.last] = split.actual - value
        return split

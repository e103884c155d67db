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

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import CONVERSIONS, Alignment, operand_pairs
from qcore.auditor.ledger.sample import Grid, Run
from qcore.auditor.ledger.stepper import Stepper
from qcore.ir import Model
from qcore.numerics.affine import ACTIVATION_BOUNDS
from qcore.numerics.trace import Kept
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["CAUSES", "Apart", "Split"]

Float64Array = NDArray[np.float64]
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
    """One result of one run in real numbers. exact: the float operator's, on the same operands; actual: the kernel's.

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
            rest = rest - difference
        return float(np.max(np.abs(rest), initial=0.0))


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
            fused = self.operator.options.fused_activation_function if self.operator.options is not None else None
            self.bounds = ACTIVATION_BOUNDS["NONE" if fused is None else fused.name]

    def _product_positions(self, model: Model) -> tuple[int, int, int] | None:
        """Where input, weights and bias stand, if the kernel shows the accumulator of integers; None otherwise."""
        positions = _OPERANDS.get(self.operator.code)
        if positions is None or self.twin is None or self.grids[0] is None:
            return None
        x, w = (self.operator.inputs[p] for p in positions[:2])
        integer = model.main.tensors[x].type in (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
        return positions if integer and w in self.alignment.constants else None

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

    def split(self, run: Run, exact: Stepper, rounded: Stepper | None) -> list[Split]:
        """The results of the operator in a run. rounded: the float model with the constants of the quantized one."""
        outputs = [self._actual(run, position) for position in range(len(self.operator.outputs))]
        if self.twin is None:  # a conversion
            start = np.asarray(run.real(self.operator.inputs[0]), np.float64)
            return [self._finish(Split(start, outputs[0], {}), start, start, 0)]
        operands = self.operands(run)
        if self.positions is not None:
            return [self._product(run, exact, operands, outputs[0])]
        results = [np.asarray(y, np.float64) for y in exact.results(self.twin, operands)]
        after = results
        if rounded is not None:
            after = [np.asarray(y, np.float64) for y in rounded.results(self.twin, operands)]
        splits = []
        for i, (start, value, actual) in enumerate(zip(results, after, outputs, strict=True)):
            differences = {} if rounded is None else {"weight_rounding": value - start}
            splits.append(self._finish(Split(start, actual, differences), start, value, i))
        return splits

    def _actual(self, run: Run, position: int) -> Float64Array:
        tensor, grid = self.operator.outputs[position], self.grids[position]
        return np.asarray(run.real(tensor), np.float64) if grid is None else grid.real(run.values[tensor])

    def _product(self, run: Run, exact: Stepper, operands: Mapping[int, Any], actual: Float64Array) -> Split:
        assert self.twin is not None
        assert self.positions is not None
        trace = Kept()
        start = np.asarray(exact.results(self.twin, operands, trace)[0], np.float64)
        position = self.positions[2]
        sums = run.accumulators[self.index] * self.scale
        sums = sums.reshape(start.shape)
        bias, stored = self._bias(run, position)
        with_weights = self._act(sums + bias)
        sums += stored
        with_bias = self._act(sums)
        differences = {"weight_rounding": with_weights - start, "bias_rounding": with_bias - with_weights}
        split = Split(start, actual, differences)
        before = np.asarray(trace.steps.get("add_bias", trace.steps["accumulate"]), np.float64).reshape(start.shape)
        split.alone["bias_rounding"] = self._act(before + (stored - bias)) - start
        return self._finish(split, start, with_bias, 0)

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

    def _finish(self, split: Split, start: Float64Array, value: Float64Array, position: int) -> Split:
        """Clip, round, and what is left."""
        grid = self.grids[position]
        if grid is not None:
            clipped = grid.clip(value)
            rounded = grid.round(clipped)
            split.differences["range_clipping"] = clipped - value
            split.differences["activation_rounding"] = rounded - clipped
            split.alone["range_clipping"] = grid.clip(start) - start
            split.alone["activation_rounding"] = grid.round(start) - start
            split.unclipped = value
            value = rounded
        split.differences[self.last] = split.actual - value
        return split

"""What each operator's own error does to the model's outputs.

Walk through the quantized run and let the float model finish it: G[j] are the float model's outputs when all tensors up
to operator j have the quantized run's values. G[-1] is the float run, G[last] the quantized one, and

    c[j] = G[j] - G[j - 1]

is what operator j's own error makes of the outputs where it stands, all errors before it included, none behind it. The
c[j] add up to the outputs' whole error, exactly. Without operator j's error the outputs would be off by error - c[j]:
that is how many decibels there are to regain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qcore.auditor.ledger.causes import Apart
from qcore.auditor.ledger.entry import Effect, Gain
from qcore.auditor.ledger.sample import Run, plain_numbers
from qcore.auditor.ledger.stepper import Stepper, Values
from qcore.auditor.ledger.tally import power

__all__ = ["Effects", "OutputNoise", "finish"]

Array = NDArray[Any]


class OutputNoise:
    """Signal and noise of each output, sample by sample; several outputs count alike, each against its own signal."""

    def __init__(self) -> None:
        self.signals: list[list[float]] = []
        self.noises: list[list[float]] = []

    def add(self, exact: Sequence[Array], errors: Sequence[Array]) -> None:
        """One sample."""
        self.signals.append([power(wanted) for wanted in exact])
        self.noises.append([power(error) for error in errors])

    @property
    def sqnr(self) -> float:
        """-10 log10 of noise / signal, the mean over the outputs."""
        return float(_decibels(np.sum(self.signals, axis=0), np.sum(self.noises, axis=0)))

    def gain(self, before: OutputNoise) -> Gain:
        """How much better this is than `before`, for the same samples."""
        ours, theirs = (_decibels(*(_each_left_out(x) for x in (n.signals, n.noises))) for n in (self, before))
        gains, count = _apart(ours, theirs), len(self.signals)
        error = math.inf
        if count > 1 and np.isfinite(gains).all():
            error = math.sqrt((count - 1) / count * float(np.sum((gains - gains.mean()) ** 2)))
        return Gain(float(_apart(self.sqnr, before.sqnr)), error)


def _apart(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """a - b; 0 where both are infinite."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.equal(a, b), 0.0, np.subtract(a, b)))


def _each_left_out(sums: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """[samples, outputs]: the sum of all samples but one."""
    values = np.asarray(sums, np.float64)
    return np.asarray(values.sum(axis=0) - values)


def _decibels(signal: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., outputs] -> [...]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(noise > 0, noise / signal, 0.0).mean(axis=-1)
        return np.asarray(-10 * np.log10(ratio))


def finish(exact: Stepper, state: Values) -> list[Array]:
    """The float model's outputs, with all tensors in `state` as they are there."""
    values = dict(state)
    for step in exact.graph.steps:
        if any(tensor not in values for tensor in step.operator.outputs):
            results = zip(step.operator.outputs, exact.results(step.index, values), strict=True)
            values.update((tensor, value) for tensor, value in results if tensor not in state)
    return [plain_numbers(np.asarray(values[tensor])).astype(np.float64) for tensor in exact.model.main.outputs]


class Effects:
    """The effects of the inputs' quantization and of every operator, summed over samples."""

    def __init__(self, exact: Stepper, operators: Sequence[Apart]) -> None:
        self.exact, self.operators = exact, operators
        self.total = OutputNoise()
        self.alone = [OutputNoise() for _ in range(len(operators) + 1)]
        self.without = [OutputNoise() for _ in range(len(operators) + 1)]

    def add(self, run: Run, results: Sequence[Array]) -> None:
        """One sample; results: result 0 of each float operator, on the operands of the quantized run."""
        main, tensors = self.exact.model.main, run.runners.alignment.tensors
        exact = [plain_numbers(np.asarray(run.exact[tensor])).astype(np.float64) for tensor in main.outputs]
        state = {tensor: value for tensor, value in run.exact.items() if tensor in self.exact.constants}
        state |= {tensor: run.exact[tensor] for tensor in main.inputs}
        before = exact
        contributions = []
        for position in range(len(self.operators) + 1):
            if position == 0:
                made = list(run.runners.quantized.model.main.inputs)
            else:
                made = list(self.operators[position - 1].operator.outputs)
            changes = self._enter(run, made, state, tensors, None if position == 0 else results[position - 1])
            after = finish(self.exact, state) if changes else before
            contributions.append([a - b for a, b in zip(after, before, strict=True)])
            before = after
        errors = [a - b for a, b in zip(before, exact, strict=True)]
        self.total.add(exact, errors)
        for position, contribution in enumerate(contributions):
            self.alone[position].add(exact, contribution)
            self.without[position].add(exact, [e - c for e, c in zip(errors, contribution, strict=True)])

    def _enter(
        self, run: Run, made: Sequence[int], state: Values, tensors: dict[int, int], result: Array | None
    ) -> bool:
        """Put the quantized run's values of these tensors into the state; whether that changes what follows."""
        changes = False
        for tensor in made:
            other = tensors.get(tensor)
            if other is None:
                continue
            value = np.asarray(run.real(tensor)).astype(run.exact[other].dtype, copy=False)
            before = state.get(other)
            if before is None and len(made) == 1:
                before = result
            changes |= before is None or not np.array_equal(before.reshape(value.shape), value)
            state[other] = value
        return changes

    def effect(self, position: int) -> Effect:
        """Of the inputs' quantization (0) or of operator `position - 1`."""
        return Effect(self.alone[position].sqnr, self.without[position].gain(self.total))

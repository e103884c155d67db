"""`compare`: where two models, two kernel sets, or qcore and an installed runtime part, tensor by tensor.

Accumulated differences are those of the tensors as the two runs have them. Local ones are an operator's own doing: the
second runner gets the operands that the first one had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.metrics import decibels, real_values
from qcore.auditor.runners import runner
from qcore.dataset import open_dataset
from qcore.edit import extract
from qcore.errors import ModelError, UnsupportedError
from qcore.ir import Model
from qcore.tflite import load

__all__ = ["Comparison", "TensorComparison", "compare"]

Array = NDArray[Any]
ModelLike = str | os.PathLike[str] | bytes | Model


@dataclass(slots=True)
class Difference:
    """Counts over all samples: values compared, how many differ, and by how much at most (in stored numbers)."""

    values: int = 0
    differing: int = 0
    largest: float = 0.0
    signal: float = 0.0
    noise: float = 0.0

    def add(self, a: Array, b: Array, reals: tuple[Array, Array]) -> None:
        """Compare two arrays of one shape; `reals` are the numbers they stand for."""
        apart = a != b
        if a.dtype.kind in "fc" and b.dtype.kind in "fc":
            apart &= ~(np.isnan(a) & np.isnan(b))
        self.values += a.size
        self.differing += int(apart.sum())
        if a.dtype.kind in "iufb" and b.dtype.kind in "iufb":
            with np.errstate(invalid="ignore", over="ignore"):
                distance = np.abs(a.astype(np.float64) - b.astype(np.float64))
            self.largest = max(self.largest, float(np.max(distance, where=apart, initial=0.0)))
            exact, other = (values.astype(np.float64) for values in reals)
            self.signal += float(np.sum(exact**2))
            self.noise += float(np.sum((other - exact) ** 2))

    @property
    def sqnr(self) -> float:
        """The second run's noise against the first, in decibels of real numbers."""
        return decibels(self.signal, self.noise)


@dataclass(frozen=True, slots=True)
class TensorComparison:
    """One result of an operator of the first model; `local` is None where operators cannot be run alone."""

    operator: int
    name: str
    tensor: int
    tensor_name: str
    accumulated: Difference
    local: Difference | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """tensors: in the order of the first model's operators. unseen: results that one side does not show."""

    tensors: tuple[TensorComparison, ...]
    samples: int
    unseen: tuple[str, ...] = field(default=())

    @property
    def first(self) -> TensorComparison | None:
        """The first tensor of which any value differs."""
        return next((t for t in self.tensors if t.accumulated.differing), None)

    @property
    def equal(self) -> bool:
        """Whether every value that was compared is equal."""
        return self.first is None and not any(t.local and t.local.differing for t in self.tensors)


def compare(
    a: ModelLike,
    b: ModelLike | None,
    samples: Any,
    *,
    kernels: str = "reference",
    kernels_b: str | None = None,
    local: bool = True,
    progress: Callable[[int, int | None], None] | None = None,
) -> Comparison:
    """Run both sides on the samples and compare every result of every operator of the main graph.

    a, b: models; b None is a itself. Tensors of two models are matched by name and shape. samples: what `calibrate`
    takes, in a's input types. kernels, kernels_b: who runs a and b, see `runners.runner`; kernels_b None is `kernels`.
    local: also run each operator alone on b's side, on the operands of a's; only where both are the same model.

    Raises UnsupportedError where a side cannot run, ModelError where nothing can be matched.
    """
    first, same = _model(a), b is None
    second = first if b is None else _model(b)
    left, right = runner(first, kernels), runner(second, kernels_b or kernels)
    matches = _matches(first, second)
    if not matches:
        raise ModelError("the two models have no tensor of one name and shape in common; there is nothing to compare")
    alone = _Alone(first, kernels_b or kernels) if local and same else None
    rows = {key: (Difference(), None if alone is None else Difference()) for key in matches}
    unseen: dict[str, None] = {}
    dataset = open_dataset(samples, first)
    count = 0
    for sample in dataset:
        left.run(sample.inputs)
        right.run(sample.inputs)
        count += 1
        for (operator, tensor), other in matches.items():
            mine, theirs = left.tensor(tensor), right.tensor(other)
            accumulated, own = rows[operator, tensor]
            if mine is None or theirs is None:
                unseen[first.main.tensors[tensor].name] = None
            else:
                accumulated.add(mine, theirs, _reals(first, tensor, mine, second, other, theirs))
            if alone is not None and own is not None and mine is not None:
                result = alone.result(operator, tensor, left.tensor)
                if result is not None:
                    own.add(mine, result, _reals(first, tensor, mine, first, tensor, result))
        if progress is not None:
            progress(count, dataset.total)
    tensors = tuple(
        TensorComparison(
            operator, first.main.operators[operator].name, tensor, first.main.tensors[tensor].name, *differences
        )
        for (operator, tensor), differences in rows.items()
    )
    return Comparison(tensors, count, tuple(unseen))


def _model(source: ModelLike) -> Model:
    return source if isinstance(source, Model) else load(source)


def _matches(first: Model, second: Model) -> dict[tuple[int, int], int]:
    """(operator, result tensor) of the first model -> the tensor of that name and shape in the second."""
    if first is second:
        return {(i, t): t for i, op in enumerate(first.main.operators) for t in op.outputs}
    names = {tensor.name: index for index, tensor in enumerate(second.main.tensors)}
    made = {t for op in second.main.operators for t in op.outputs}
    found = {}
    for index, op in enumerate(first.main.operators):
        for t in op.outputs:
            tensor = first.main.tensors[t]
            other = names.get(tensor.name)
            if other in made and other is not None and second.main.tensors[other].shape == tensor.shape:
                found[index, t] = other
    return found


def _reals(a: Model, i: int, x: Array, b: Model, j: int, y: Array) -> tuple[Array, Array]:
    if x.dtype.kind not in "iufb" or y.dtype.kind not in "iufb":
        return x, y
    return np.asarray(real_values(a.main.tensors[i], x)), np.asarray(real_values(b.main.tensors[j], y))


class _Alone:
    """Each operator as a model of its own, run with given operands."""

    def __init__(self, model: Model, kernels: str) -> None:
        self.model, self.kernels = model, kernels
        self.runners: dict[int, tuple[Any, Model] | None] = {}

    def result(self, operator: int, tensor: int, operand: Callable[[int], Array | None]) -> Array | None:
        """The tensor as this operator makes it; None where it cannot be run alone."""
        op = self.model.main.operators[operator]
        if operator not in self.runners:
            self.runners[operator] = self._cut(operator)
        entry = self.runners[operator]
        if entry is None:
            return None
        run, cut = entry
        by_name = {self.model.main.tensors[t].name: t for t in op.inputs if t >= 0}
        values: Sequence[Array | None] = [operand(by_name[cut.main.tensors[t].name]) for t in cut.main.inputs]
        if any(value is None for value in values):
            return None
        run.run(values)
        found: Array | None = run.tensor(cut.main.outputs[op.outputs.index(tensor)])
        return found

    def _cut(self, operator: int) -> tuple[Any, Model] | None:
        op = self.model.main.operators[operator]
        named = len({self.model.main.tensors[t].name for t in op.inputs if t >= 0})
        stateful = any(t >= 0 and self.model.main.tensors[t].is_variable for t in op.inputs)
        if stateful or named != len({t for t in op.inputs if t >= 0}):
            return None
        cut = extract(self.model, [operator])
        try:
            return runner(cut, self.kernels), cut
        except UnsupportedError:
            return None

"""`account`: the ledger of a quantized model, from its float model and samples."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import align
from qcore.auditor.ledger.causes import Apart, Split, as_rows
from qcore.auditor.ledger.effects import Effects
from qcore.auditor.ledger.entry import Entry
from qcore.auditor.ledger.layer_statistics import LayerRow, Layers, dump
from qcore.auditor.ledger.regain import Regained, regain
from qcore.auditor.ledger.runtimes import Runtimes
from qcore.auditor.ledger.sample import Grid, Run, Runners
from qcore.auditor.ledger.stepper import Stepper
from qcore.auditor.ledger.tally import Tally
from qcore.dataset import open_dataset
from qcore.edit import add_constant
from qcore.errors import CalibrationError, UnsupportedError
from qcore.ir import DTYPES, Model
from qcore.tflite import load
from tflite_schema import TensorType

__all__ = ["Ledger", "Progress", "account"]

Array = NDArray[Any]
ModelLike = str | os.PathLike[str] | bytes | Model
Progress = Callable[[int, int | None], None]
INPUT = "INPUT"
_WORK = 1_000_000_000
"""Elements that may be computed to follow samples to the outputs."""


@dataclass(frozen=True)
class Ledger:
    """entries: the inputs first, then the operators in order. samples: how many were run.

    probes: how many of them, the first ones, were followed to the outputs. sqnr: of the outputs, in these. regained:
    for the worst operators, those that cost the outputs most, what leaving each in float or in int16 gives back.
    layers: the statistics of TensorFlow's QuantizationDebugger. refused: kernel set -> why its integers are not known.
    unmatched: (operator, name) of the quantized model that stand for no operator of the float model; nothing is said of
    them.
    """

    entries: tuple[Entry, ...]
    samples: int
    unmatched: tuple[tuple[int, str], ...]
    probes: int = 0
    sqnr: float = math.nan
    regained: tuple[Regained, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    def entry(self, operator: int) -> Entry:
        """The line of an operator of the quantized model."""
        return next(entry for entry in self.entries if entry.operator == operator)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`; powers are given in decibels below the signal."""
        return {
            "samples": self.samples,
            "probes": self.probes,
            "sqnr": self.sqnr,
            "operators": [entry.as_json() for entry in self.entries],
            "regained": [asdict(row) for row in self.regained],
            "unmatched": [{"operator": index, "name": name} for index, name in self.unmatched],
            "refused": dict(self.refused),
        }

    def layer_statistics_dump(self, file: IO[str]) -> None:
        """CSV with the columns of `tf.lite.experimental.QuantizationDebugger`, see `layer_statistics`."""
        dump(self.layers, file)


def account(
    quantized: ModelLike,
    float_model: ModelLike,
    samples: Any,
    *,
    worst: int = 3,
    probes: int | None = None,
    progress: Progress | None = None,
) -> Ledger:
    """Where a quantized model loses what its float model knows, operator by operator and cause by cause.

    samples: what `calibrate` takes for the float model: real numbers; they are quantized where the quantized model
    takes integers. They are read once, and one at a time.

    An operator's *own* error is against the float operator on the operands that the quantized model gave it; what the
    operands' errors do in the float operator is *inherited*; both together, element by element, are the *accumulated*
    error against the float model. The own error is taken apart into causes, see `qcore.auditor.ledger.causes`.
    progress(done, total or None) is called after every sample.

    probes: how many samples, the first ones, are followed to the outputs, operator by operator (`effects`); none if 0.
    That takes half a float run for each operator; by default they are 8 for large models, up to 100 for small ones.
    worst: for so many operators, those that cost the outputs most, models with islands are made and run on the probes
    (`islands`, `regain`).

    QuantizationError: the models do not belong together. UnsupportedError: an operator cannot be run, or has a state.
    CalibrationError: no samples, or samples that do not fit or hold NaN or infinities.
    """
    accountant = _Accountant(_model(quantized), _model(float_model), probes)
    dataset = open_dataset(samples, accountant.float_model)
    count = 0
    for sample in dataset:
        _require_finite(sample.inputs, count)
        accountant.add(sample.inputs)
        count += 1
        if progress is not None:
            progress(count, dataset.total)
    if not count:
        raise CalibrationError("the dataset is empty; give at least one sample (a generator can be read only once)")
    return accountant.ledger(count, worst)


def _model(source: ModelLike) -> Model:
    return source if isinstance(source, Model) else load(source)


def _require_finite(inputs: Sequence[Array], sample: int) -> None:
    for position, x in enumerate(inputs):
        if x.dtype.kind in "fc" and not np.isfinite(x).all():
            raise CalibrationError(
                f"sample {sample}, input {position} has NaN or infinities, against which nothing is noise"
            )


class _Accountant:
    """The two models taken apart, and the tallies."""

    def __init__(self, quantized: Model, float_model: Model, probes: int | None) -> None:
        self.quantized, self.float_model = quantized, float_model
        self.exact, stepper = Stepper(float_model), Stepper(quantized)
        self.alignment = align(quantized, float_model)
        _require_numbers(quantized)
        indices = sorted([*self.alignment.twins, *self.alignment.conversions])
        self.operators = [Apart(quantized, float_model, self.alignment, i) for i in indices]
        accumulated = [op.index for op in self.operators if op.positions is not None]
        self.runners = Runners(stepper, self.exact, self.alignment, accumulated)
        self.tallies = [Tally(op.grids[0]) for op in self.operators]
        grids = [Grid.of(quantized.main.tensors[t]) for t in quantized.main.inputs]
        self.inputs = [(t, grid, Tally(grid)) for t, grid in zip(quantized.main.inputs, grids, strict=True) if grid]
        self.rounded: Stepper | None = None
        self.wanted = _affordable(float_model) if probes is None else probes
        self.probes: list[list[Array]] = []
        self.effects = Effects(self.exact, self.operators)
        self.layers = Layers(self.operators, self.exact)
        self.runtimes = Runtimes(quantized)

    def add(self, inputs: Sequence[Array]) -> None:
        """Run one sample and enter it."""
        run = self.runners.run(inputs)
        self._prepare_rounded(run, inputs)
        for tensor, grid, tally in self.inputs:
            exact = as_rows(np.asarray(run.exact[self.alignment.tensors[tensor]]))
            rows = as_rows(run.values[tensor])
            tally.add(_of_input(rows, grid, exact), exact, rows)
        probed = len(self.probes) < self.wanted
        if probed:
            self.runtimes.prepare(run)
        computed = [self._enter(run, position, probed) for position in range(len(self.operators))]
        if probed:
            self.effects.add(run, computed)
            self.probes.append(list(inputs))

    def _enter(self, run: Run, position: int, probed: bool) -> Array:
        """One operator; returns what the float operator makes of its operands."""
        operator, tally = self.operators[position], self.tallies[position]
        computed = operator.compute(run, self.exact, self.rounded if operator.constants() else None)
        tensor = operator.operator.outputs[0]
        exact, q = as_rows(np.asarray(run.exact[self.alignment.tensors[tensor]])), as_rows(run.values[tensor])
        moments = self.layers.start(run, position)
        for at, split in computed.blocks():
            tally.add(split, exact[at], q[at])
            if moments is not None:
                moments.add(split, at)
            if probed:
                tally.add_ties(split)
        if moments is not None:
            self.layers.end(position, moments)
        if probed:
            tally.add_flips(q.size, self.runtimes.flips(run, operator.index))
        return computed.exact

    def _prepare_rounded(self, run: Run, inputs: Sequence[Array]) -> None:
        """The float model with the constants that the quantized one has, where no accumulator tells what they do."""
        wanted = [op for op in self.operators if op.constants()]
        if self.rounded is None and wanted:
            self.rounded = Stepper(_with_constants(self.float_model, wanted, run))
        if self.rounded is not None:
            self.rounded.prepare([np.shape(x) for x in inputs])

    def ledger(self, samples: int, worst: int) -> Ledger:
        """The entries, and what the worst operators give back."""
        main = self.quantized.main
        if self.probes:
            for position, tally in enumerate(self.tallies):
                tally.effect = self.effects.effect(position + 1)
            for _, _, tally in self.inputs[:1]:
                tally.effect = self.effects.effect(0)
        entries = [tally.entry(self.quantized, None, INPUT, tensor) for tensor, _, tally in self.inputs]
        entries += [
            tally.entry(self.quantized, op.index, op.operator.name, op.operator.outputs[0])
            for op, tally in zip(self.operators, self.tallies, strict=True)
        ]
        unmatched = tuple((i, main.operators[i].name) for i in self.alignment.unmatched)
        total = self.effects.total.sqnr if self.probes else math.nan
        return Ledger(
            tuple(entries),
            samples,
            unmatched,
            len(self.probes),
            total,
            tuple(self._regained(worst)),
            self.layers.rows(samples, self.alignment.tensors),
            self.runtimes.refused,
        )

    def _regained(self, worst: int) -> list[Regained]:
        costs = {
            position: tally.effect.sqnr
            for position, (op, tally) in enumerate(zip(self.operators, self.tallies, strict=True))
            if op.twin is not None and tally.effect is not None and tally.effect.sqnr < math.inf
        }
        chosen = sorted(costs, key=costs.__getitem__)[:worst]
        ranges = {op.operator.outputs[0]: t.seen for op, t in zip(self.operators, self.tallies, strict=True)}
        return regain(self.runners, self.operators, chosen, self.probes, ranges) if chosen else []


def _require_numbers(model: Model) -> None:
    tensors = model.main.tensors
    for index, op in enumerate(model.main.operators):
        for t in op.outputs:
            if tensors[t].type not in DTYPES or tensors[t].type == TensorType.STRING:
                kind = tensors[t].type.name.lower()
                raise UnsupportedError(f"{model.place(0, index)}: its result is {kind}, of which there is no noise")


def _affordable(model: Model) -> int:
    """How many samples can be followed to the outputs."""
    work = sum(model.main.tensors[t].size for op in model.main.operators for t in op.outputs) * len(
        model.main.operators
    )
    return min(100, max(8, _WORK // max(work, 1)))


def _of_input(rows: Array, grid: Grid, exact: Array) -> Split:
    start = exact.astype(np.float64)
    actual = grid.real(rows)
    clipped = grid.clip(start)
    differences = {"range_clipping": clipped - start, "activation_rounding": actual - clipped}
    return Split(start, actual, differences, {}, start)


def _with_constants(float_model: Model, operators: Sequence[Apart], run: Run) -> Model:
    result = float_model.copy()
    for apart in operators:
        assert apart.twin is not None
        twin = result.main.operators[apart.twin]
        operands = list(twin.inputs)
        for position, tensor in apart.constants():
            name = result.main.tensors[operands[position]].name + "_rounded"
            operands[position] = add_constant(result, result.main, name, run.real(tensor))
        twin.inputs = tuple(operands)
    return result

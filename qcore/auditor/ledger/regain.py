"""What the worst operators give back when they are left in float, or their results in int16: foretold, and measured.

Measured: the model with the island is made and run on the probed samples (see `islands`). Foretold: in the walk of
`effects`, the operator's result is replaced by the float operator's, rounded and cut to the same type; the outputs move
by d, and without what the island takes away they would be off by error - d. The forecast leaves all later roundings as
they were, the measurement does not, so they agree where errors are small against the signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.causes import Apart
from qcore.auditor.ledger.effects import OutputNoise, finish
from qcore.auditor.ledger.entry import Gain
from qcore.auditor.ledger.islands import Ranges, float_island, int16_island
from qcore.auditor.ledger.sample import Run, Runners, plain_numbers
from qcore.auditor.ledger.stepper import Stepper
from qcore.auditor.metrics import real_values
from qcore.errors import QCoreError
from qcore.ir import Model

__all__ = ["Regained", "regain"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Regained:
    """SQNR of the outputs over the probed samples; None where an island cannot be had, `refused` says why.

    foretold, in_float: the operator in float. in_int16: its result in int16, and the operators that read it.
    """

    operator: int
    name: str
    foretold: Gain
    in_float: Gain | None
    in_int16: Gain | None
    refused: tuple[str, ...] = ()


def regain(
    runners: Runners,
    operators: Sequence[Apart],
    worst: Sequence[int],
    probes: Sequence[Sequence[Array]],
    ranges: Ranges,
) -> list[Regained]:
    """For each of `worst`, positions in `operators`; probes: the inputs of the samples. ranges: see `int16_island`."""
    rows = [_Row(runners, operators, position, ranges) for position in worst]
    total = OutputNoise()
    for inputs in probes:
        run = runners.run(inputs)
        exact = finish(runners.exact, run.exact)
        actual = _reals(runners.quantized.model, run.values)
        errors = [a - e for a, e in zip(actual, exact, strict=True)]
        total.add(exact, errors)
        for row in rows:
            row.add(run, exact, errors)
    return [row.result(total) for row in rows]


def _reals(model: Model, values: dict[int, Any]) -> list[Array]:
    tensors = model.main.tensors
    reals = (np.asarray(real_values(tensors[t], np.asarray(values[t]))) for t in model.main.outputs)
    return [plain_numbers(real).astype(np.float64) for real in reals]


class _Row:
    """One operator, its islands, and the noise that is left with them."""

    def __init__(self, runners: Runners, operators: Sequence[Apart], position: int, ranges: Ranges) -> None:
        self.runners, self.operators, self.position = runners, operators, position
        self.apart = operators[position]
        self.refused: list[str] = []
        quantized, exact, alignment = runners.quantized.model, runners.exact.model, runners.alignment
        index = self.apart.index
        made: dict[str, Callable[[], Model]] = {
            "float": lambda: float_island(quantized, exact, alignment, index),
            "int16": lambda: int16_island(quantized, exact, alignment, index, ranges),
        }
        self.foretold = OutputNoise()
        self.islands: dict[str, Stepper] = {}
        for name, make in made.items():
            try:
                self.islands[name] = Stepper(make())
                self.islands[name].prepare(runners.quantized.graph.input_shapes)
            except QCoreError as error:
                self.islands.pop(name, None)
                self.refused.append(f"{name}: {error}")
        self.left = {name: OutputNoise() for name in self.islands}

    def add(self, run: Run, exact: Sequence[Array], errors: Sequence[Array]) -> None:
        """One sample: its forecast, and its runs."""
        self.foretold.add(exact, [e - d for e, d in zip(errors, self._difference(run), strict=True)])
        for name, island in self.islands.items():
            island.prepare([np.shape(run.values[t]) for t in island.model.main.inputs])
            values = dict(run.values)
            island.run(values, self.apart.index)
            left = [a - e for a, e in zip(_reals(island.model, values), exact, strict=True)]
            self.left[name].add(exact, left)

    def _difference(self, run: Run) -> list[Array]:
        """What the island takes away from the outputs, the float model finishing both runs."""
        runners, alignment = self.runners, self.runners.alignment
        main = runners.exact.model.main
        state = {t: v for t, v in run.exact.items() if t in runners.exact.constants}
        made = list(runners.quantized.model.main.inputs)
        made += [t for op in self.operators[: self.position + 1] for t in op.operator.outputs]
        for tensor in made:
            other = alignment.tensors.get(tensor)
            if other is not None:
                state[other] = np.asarray(run.real(tensor))
        state |= {t: run.exact[t] for t in main.inputs if t not in state}
        with_error = finish(runners.exact, state)
        assert self.apart.twin is not None
        results = runners.exact.results(self.apart.twin, self.apart.operands(run))
        for position, tensor in enumerate(self.apart.operator.outputs):
            grid, value = self.apart.grids[position], results[position]
            stored = value if grid is None else grid.round(grid.clip(value.astype(np.float64))).astype(np.float32)
            state[alignment.tensors[tensor]] = stored
        return [a - b for a, b in zip(with_error, finish(runners.exact, state), strict=True)]

    def result(self, before: OutputNoise) -> Regained:
        """What was gained."""
        measured = {name: noise.gain(before) for name, noise in self.left.items()}
        return Regained(
            self.apart.index,
            self.apart.operator.name,
            self.foretold.gain(before),
            measured.get("float"),
            measured.get("int16"),
            tuple(self.refused),
        )

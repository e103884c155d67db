"""Which results may differ between runtimes: each operator run by other kernel sets, on the very same operands.

Kernel sets differ in how they round, so a result flips where its accumulator comes near a rounding tie. What the flips
do to later operators is not followed: every operator gets the reference run's operands.
"""

from __future__ import annotations

import numpy as np

from qcore.auditor.ledger.sample import Run
from qcore.auditor.ledger.stepper import Stepper
from qcore.errors import UnsupportedError
from qcore.ir import Model

__all__ = ["KERNEL_SETS", "Runtimes"]

KERNEL_SETS = ("optimized", "xnnpack")


class Runtimes:
    """The quantized model under other kernel sets; `refused`: kernel set -> why it cannot be run."""

    def __init__(self, quantized: Model) -> None:
        self.quantized = quantized
        self.steppers: dict[str, Stepper] = {}
        self.refused: dict[str, str] = {}
        for name in KERNEL_SETS:
            try:
                self.steppers[name] = Stepper(quantized, name)
            except UnsupportedError as error:
                self.refused[name] = str(error)

    def prepare(self, run: Run) -> None:
        """Make ready for the shapes of a run."""
        shapes = [np.shape(run.values[t]) for t in self.quantized.main.inputs]
        for name in list(self.steppers):
            try:
                self.steppers[name].prepare(shapes)
            except UnsupportedError as error:
                self.refused[name] = str(error)
                del self.steppers[name]

    def flips(self, run: Run, operator: int) -> dict[str, int]:
        """Kernel set -> how many integers of the operator's result 0 are others than the reference kernels'."""
        tensor = self.quantized.main.operators[operator].outputs[0]
        mine = run.values[tensor]
        return {
            name: int(np.count_nonzero(stepper.results(operator, run.values)[0] != mine))
            for name, stepper in self.steppers.items()
        }

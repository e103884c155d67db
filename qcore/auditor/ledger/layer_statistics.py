"""The statistics of `tf.lite.experimental.QuantizationDebugger`, under its names, for models of every scheme.

    difference = dequantized result - result of the float operator, of each element
    num_elements, stddev, mean_error, max_abs_error, mean_squared_error   of a sample; then the mean over the samples

The float operator has the float model's constants and reads what the quantized model's operands stand for; where an
operand is the model's quantized input, it reads the float input itself, as TensorFlow's debug model does. There, the
float counterpart of AVERAGE_POOL_2D computes in int8 too, so that TensorFlow sees no error in it; here it is float.
TensorFlow: lite/tools/optimize/debugging/python/debugger.py; TFLite: kernels/numeric_verify.cc
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import CONVERSIONS
from qcore.auditor.ledger.causes import Apart, Split, as_rows, largest
from qcore.auditor.ledger.sample import Run
from qcore.auditor.ledger.stepper import Stepper
from qcore.auditor.ledger.tally import power

__all__ = ["METRICS", "LayerRow", "Layers", "Moments", "dump"]

METRICS = ("num_elements", "stddev", "mean_error", "max_abs_error", "mean_squared_error")
_FIELDS = ("op_name", "tensor_idx", *METRICS, "scale", "zero_point", "tensor_name")


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One result. tensor_idx: in the quantized model; tensor_name: in the float model; scale None: it is float."""

    op_name: str
    tensor_idx: int
    metrics: Mapping[str, float]
    scale: float | None
    zero_point: int | None
    tensor_name: str


class Moments:
    """The differences of one result in one sample; reference: in place of the float operator's result."""

    def __init__(self, reference: NDArray[Any] | None) -> None:
        self.reference = None if reference is None else as_rows(reference)
        self.size, self.sum, self.squares, self.largest = 0, 0.0, 0.0, 0.0

    def add(self, split: Split, at: slice) -> None:
        """Rows of the result."""
        difference = split.actual - (split.exact if self.reference is None else self.reference[at])
        self.size += difference.size
        self.sum += float(difference.sum())
        self.squares += power(difference)
        self.largest = max(self.largest, largest(difference))

    def metrics(self) -> NDArray[np.float64]:
        """In the order of METRICS."""
        if not self.size:
            return np.zeros(len(METRICS))
        mean, square = self.sum / self.size, self.squares / self.size
        return np.array([self.size, max(square - mean * mean, 0.0) ** 0.5, mean, self.largest, square])


class Layers:
    """The statistics of all operators that stand for one of the float model and store integers somewhere."""

    def __init__(self, operators: Iterable[Apart], exact: Stepper) -> None:
        self.exact = exact
        self.operators = {
            position: op
            for position, op in enumerate(operators)
            if op.twin is not None and (op.grids[0] is not None or op.constants())
        }
        self.sums = {position: np.zeros(len(METRICS)) for position in self.operators}

    def start(self, run: Run, position: int) -> Moments | None:
        """Begin with one operator in one sample; None where it has no statistics."""
        if position not in self.operators:
            return None
        return Moments(self._reference(run, self.operators[position]))

    def end(self, position: int, moments: Moments) -> None:
        """All rows were added."""
        self.sums[position] += moments.metrics()

    def _reference(self, run: Run, op: Apart) -> NDArray[Any] | None:
        """The float operator on the model's float input, where it reads that; None where it does not."""
        model, alignment = run.runners.quantized.model, run.runners.alignment
        inputs = set(model.main.inputs)
        inputs |= {
            other.outputs[0] for other in model.main.operators if other.code in CONVERSIONS and inputs & {*other.inputs}
        }
        read = inputs & set(op.operator.inputs)
        if not read:
            return None
        assert op.twin is not None
        operands = op.operands(run) | {alignment.tensors[t]: run.exact[alignment.tensors[t]] for t in read}
        return self.exact.results(op.twin, operands)[0]

    def rows(self, samples: int, counterparts: Mapping[int, int]) -> tuple[LayerRow, ...]:
        """The means over so many samples; counterparts: tensors of the quantized model -> of the float model."""
        tensors = self.exact.model.main.tensors
        return tuple(
            LayerRow(
                op.operator.name,
                op.operator.outputs[0],
                dict(zip(METRICS, (float(v) for v in self.sums[position] / samples), strict=True)),
                None if op.grids[0] is None else op.grids[0].scale,
                None if op.grids[0] is None else op.grids[0].zero_point,
                tensors[counterparts[op.operator.outputs[0]]].name,
            )
            for position, op in self.operators.items()
        )


def dump(rows: Iterable[LayerRow], file: IO[str]) -> None:
    """CSV with the columns of `QuantizationDebugger.layer_statistics_dump`."""
    writer = csv.DictWriter(file, _FIELDS)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: row.metrics[name] if name in METRICS else getattr(row, name) for name in _FIELDS})

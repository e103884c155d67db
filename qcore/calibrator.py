"""Calibration: run a float model on representative samples and keep the range of every tensor.

    min = min over all elements of all samples, from FLT_MAX down
    max = max over all elements of all samples, from FLT_MIN = 1.1754944e-38 up

The start of max is no slip of ours: TFLite starts from the smallest positive float, so an all-negative tensor records
max = 1.1754944e-38. NaN elements are skipped, infinities are not. Observed are the float32 tensors, constants excepted,
that an operator reads or writes, in every subgraph that runs; and what a fused LSTM's intermediate tensors stand for.
TFLite: tools/optimize/calibration/calibrator.cc, calibration_logger.cc; arena_planner.cc (the in-place rule)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.calibration import Calibration, Key, Range, fingerprint, is_observable
from qcore.dataset import Sample, Samples, open_dataset
from qcore.errors import CalibrationError
from qcore.execution import Program, Step
from qcore.in_place import lost_values, overwritten_operands
from qcore.intermediates import with_intermediates
from qcore.ir import Model, Operator
from qcore.op import find
from qcore.recording import Recording
from tflite_schema import TensorType

__all__ = ["Calibration", "CalibrationWarning", "Progress", "calibrate"]

Array = NDArray[Any]
Progress = Callable[[int, int | None], None]
"""progress(samples done, samples in all or None): called after every sample."""

_FLOAT_INFO = np.finfo(np.float32)
_START: Range = (np.float32(_FLOAT_INFO.max), np.float32(_FLOAT_INFO.tiny))
_INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4)
_NAMED = 5


class CalibrationWarning(UserWarning):
    """The ranges may be of little use: NaN or infinity was computed, or TFLite itself computes the model wrongly."""


def calibrate(
    model: Model, samples: Samples, *, in_place_rule: bool = True, progress: Progress | None = None
) -> Calibration:
    """The range of every float32 tensor over the samples, equal to what TFLite's calibrator records.

    samples: see `open_dataset`. Variables keep their state from sample to sample, as in TFLite.
    in_place_rule: TFLite looks at an operator's inputs again after it ran, when the result may lie over an input; that
    input's range then takes in the result's. True reproduces this, False gives the ranges of the values themselves.
    progress(done, total or None) is called after every sample. Nothing is kept of a sample but its extremes.

    Raises CalibrationError for an empty dataset, a sample that does not fit, a model without inputs or one already
    quantized, and for a tensor that was NaN in every element. Warns (CalibrationWarning) where some elements were NaN,
    where a range is infinite (no scale can be made of it, and the quantizer refuses it), and where TFLite's memory
    planner overwrites a value that is still needed: TFLite's own ranges, and its answers, are then wrong.
    UnsupportedError lists the operators without a float kernel.
    """
    _require_float(model)
    model = with_intermediates(model)
    dataset = open_dataset(samples, model)
    program = Program(model)
    observer = _Observer(program, in_place_rule)
    program.observer, program.recording = observer, observer.recording
    for sample in dataset:
        _run(program, sample)
        observer.samples += 1
        if progress is not None:
            progress(observer.samples, dataset.total)
    if observer.samples == 0:
        raise CalibrationError("the dataset is empty; give at least one sample (a generator can be read only once)")
    observer.report()
    names = {(graph, index): model.subgraphs[graph].tensors[index].name for graph, index in observer.ranges}
    return Calibration(observer.ranges, fingerprint(model), names, observer.samples, in_place_rule)


def _require_float(model: Model) -> None:
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            if tensor.type in _INTEGERS and tensor.quant is not None and tensor.quant.is_quantized:
                raise CalibrationError(
                    f"the model is already quantized: subgraph {subgraph}, tensor {index} {tensor.name!r} is "
                    f"{tensor.type.name} with a scale; calibrate the float model it was made from"
                )


def _run(program: Program, sample: Sample) -> None:
    graph = program.graphs[sample.subgraph]
    graph.resize([array.shape for array in sample.inputs])
    graph.allocate()
    graph.values.update(zip(graph.graph.inputs, sample.inputs, strict=True))
    graph.run()


@dataclass(frozen=True)
class _Watch:
    """What to look at after one operator: (position, tensor) pairs, and the operands its first result overwrote.

    intermediates: (step of the kernel, tensor).
    """

    operands: Sequence[tuple[int, int]]
    results: Sequence[tuple[int, int]]
    overwritten: Sequence[int]
    intermediates: Sequence[tuple[str, int]]


class _Observer:
    """Keeps the ranges while a program runs: called after every operator."""

    def __init__(self, program: Program, in_place_rule: bool) -> None:
        self.program = program
        self.in_place_rule = in_place_rule
        self.samples = 0
        self.ranges: dict[Key, Range] = {}
        self.nan: dict[Key, str] = {}
        self.lost: list[str] = []
        self._watches: dict[int, list[_Watch]] = {}
        self.recording = Recording(
            only={(graph, index) for graph, index, op in program.model.walk() if op.intermediates}
        )

    def __call__(self, subgraph: int, step: Step, operands: list[Any], results: list[Array]) -> None:
        """Take in what one operator read and wrote."""
        if subgraph not in self._watches:
            self._watches[subgraph] = self._plan(subgraph)
        watch = self._watches[subgraph][step.index]
        for position, tensor in watch.operands:
            self._see((subgraph, tensor), operands[position], step)
        for position, tensor in watch.results:
            self._see((subgraph, tensor), results[position], step)
        for tensor in watch.overwritten:
            self._see((subgraph, tensor), results[0], step)
        steps = self.recording.steps(step.index, subgraph) if watch.intermediates else {}
        for name, tensor in watch.intermediates:
            self._see((subgraph, tensor), steps.get(name), step)

    def _plan(self, subgraph: int) -> list[_Watch]:
        """What to look at in a subgraph, decided once, with the shapes of the first sample, as TFLite plans memory.

        A value that an operator of the graph wrote was seen when it was written, and one that several operators read
        is looked at once. Variables change while an operator runs; what they held before is what they held after the
        last run, or zero.
        """
        graph, model = self.program.graphs[subgraph], self.program.model
        tensors = graph.graph.tensors
        overwritten = overwritten_operands(model, subgraph, graph.shapes) if self.in_place_rule else {}
        for tensor, writer, reader in lost_values(model, subgraph, graph.shapes):
            self.lost.append(
                f"{model.place(subgraph, writer)} overwrites tensor {tensor} {tensors[tensor].name!r}, "
                f"which operator {reader} still reads"
            )
        seen = set(graph.graph.producers())
        watches = []
        for index, operator in enumerate(graph.graph.operators):
            operands = []
            for position, tensor in enumerate(operator.inputs):
                if tensor < 0 or tensor in seen or not is_observable(model, tensors[tensor]):
                    continue
                operands.append((position, tensor))
                if tensors[tensor].is_variable:
                    self._widen((subgraph, tensor), np.float32(0), np.float32(0))
                else:
                    seen.add(tensor)
            watches.append(
                _Watch(
                    operands,
                    [(i, t) for i, t in enumerate(operator.outputs) if t >= 0 and is_observable(model, tensors[t])],
                    [t for t in overwritten.get(index, ()) if is_observable(model, tensors[t])],
                    _intermediates(operator),
                )
            )
        return watches

    def _see(self, key: Key, value: Any, step: Step) -> None:
        if value is None or value.size == 0:
            return
        low, high = value.min(), value.max()
        if np.isnan(low):
            self.nan.setdefault(key, f"{self.program.model.place(key[0], step.index)}, sample {self.samples}")
            numbers = value[~np.isnan(value)]
            if numbers.size == 0:
                return
            low, high = numbers.min(), numbers.max()
        self._widen(key, low, high)

    def _widen(self, key: Key, low: Any, high: Any) -> None:
        before = self.ranges.get(key, _START)
        self.ranges[key] = min(before[0], np.float32(low)), max(before[1], np.float32(high))

    def report(self) -> None:
        """Refuse tensors that were nothing but NaN; warn of those that were NaN in part, or infinite."""
        empty = [key for key in self.nan if key not in self.ranges]
        if empty:
            raise CalibrationError(
                f"{self._list(empty)} only NaN in all {self.samples} samples (first seen: {self.nan[empty[0]]}); no "
                "range can be derived. Check the samples' preprocessing and the float model"
            )
        if self.nan:
            place = next(iter(self.nan.values()))
            _warn(f"{self._list(self.nan)} NaN in some elements (first seen: {place}); they were skipped, as in TFLite")
        infinite = [key for key, bounds in self.ranges.items() if not np.isfinite(bounds).all()]
        if infinite:
            _warn(
                f"{self._list(infinite)} infinite; the recorded range is too, and no scale can be made of it. Give a "
                "finite one with Calibration.with_range, or keep the operators in float"
            )
        if self.lost:
            _warn(
                f"TFLite computes this model wrongly, because of its memory planner: {'; '.join(self.lost[:_NAMED])}. "
                "The ranges here are of the right values"
            )

    def _list(self, keys: Any) -> str:
        keys = sorted(keys)
        shown = [
            f"subgraph {graph}, tensor {index} {self.program.model.subgraphs[graph].tensors[index].name!r}"
            for graph, index in keys[:_NAMED]
        ]
        rest = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        return f"{'; '.join(shown)}{rest}: {'were' if len(keys) > 1 else 'was'}"


def _intermediates(operator: Operator) -> list[tuple[str, int]]:
    if not operator.intermediates:
        return []
    rules = find(operator.code, operator.custom_code).rules.of(operator)
    return [(rule.step, t) for rule, t in zip(rules.intermediates, operator.intermediates, strict=False) if t >= 0]


def _warn(message: str) -> None:
    warnings.warn(message, CalibrationWarning, stacklevel=4)

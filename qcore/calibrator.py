"""Calibration: run a float model on representative samples and keep the range of every tensor.

Observed are the float32 tensors, constants excepted, that an operator reads or writes, in every subgraph that runs; and
what a fused LSTM's intermediate tensors stand for. How a range follows from a tensor's values is the matter of a
method: see `qcore.observers`. NaN elements are skipped.
TFLite: tools/optimize/calibration/calibrator.cc; arena_planner.cc (the in-place rule)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.calibration import Calibration, Key, Range, is_observable
from qcore.dataset import Dataset, Sample, Samples, open_dataset
from qcore.errors import CalibrationError
from qcore.execution import Program, Step
from qcore.fingerprint import fingerprint
from qcore.in_place import lost_values, overwritten_operands
from qcore.intermediates import with_intermediates
from qcore.ir import Model, Operator
from qcore.observers import MergeableStatistic, Method, Statistic, make_method
from qcore.op import find
from qcore.recording import Recording
from tflite_schema import TensorType

__all__ = ["Calibration", "CalibrationWarning", "Progress", "calibrate"]

Array = NDArray[Any]
Progress = Callable[[int, int | None], None]
"""progress(samples done, samples in all or None): called after every sample, those of a second pass added."""

_INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4)
_NAMED = 5


class CalibrationWarning(UserWarning):
    """The ranges may be of little use: NaN or infinity was computed, or TFLite itself computes the model wrongly."""


def calibrate(
    model: Model,
    samples: Samples,
    *,
    method: str = "min_max",
    in_place_rule: bool | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> Calibration:
    """The range of every float32 tensor over the samples; by default what TFLite's calibrator records.

    samples: see `open_dataset`. Variables keep their state from sample to sample, as in TFLite.
    method: "min_max", "moving_average", "percentile", "mse" or "entropy"; `parameters` are its own (percentile=99.9,
    smoothing=0.9, bins=4096, passes=2, ...), see `qcore.observers`. Whatever the method, what is kept of a tensor is of
    fixed size. passes=2 runs all samples twice, and so needs samples that can be read twice.
    in_place_rule: TFLite looks at an operator's inputs again after it ran, when the result may lie over an input; that
    input's range then takes in the result's. True reproduces this, False gives the ranges of the values themselves.
    None means True for min_max; it goes with no other method.
    progress(done, total or None) is called after every sample.

    Raises CalibrationError for an empty dataset, a sample that does not fit, a model without inputs or one already
    quantized, a method or parameter that does not exist, samples that cannot be read twice where they have to be, and
    for a tensor without a single number. Warns (CalibrationWarning) where some elements were NaN, where a range is
    infinite (no scale can be made of it, and the quantizer refuses it) or infinities were left out of a histogram, and
    where TFLite's memory planner overwrites a value that is still needed: TFLite's own ranges, and its answers, are
    then wrong. UnsupportedError lists the operators without a float kernel.
    """
    chosen = make_method(method, parameters)
    if in_place_rule and method != "min_max":
        raise CalibrationError("the in-place rule is of TFLite's min_max; it has no meaning for other methods")
    _require_float(model)
    model = with_intermediates(model)
    dataset = open_dataset(samples, model)
    passes = int(chosen.parameters.get("passes", 1))
    if passes > 1 and dataset.once:
        raise CalibrationError(
            "passes=2 reads the samples twice, and an iterator or generator can be read only once; give a list, an "
            "array, a path, or a function that returns a new iterator each time"
        )
    observer = _Observer(Program(model), chosen, method == "min_max" if in_place_rule is None else in_place_rule)
    _observe(observer, dataset, passes, progress)
    observer.require_numbers()
    if passes > 1:
        _look_again(observer, dataset, progress)
    ranges = {key: chosen.range(statistic) for key, statistic in observer.statistics.items()}
    observer.warn(ranges)
    names = {(graph, index): model.subgraphs[graph].tensors[index].name for graph, index in ranges}
    kept = observer.statistics if passes == 1 else {}
    return Calibration(
        ranges,
        fingerprint(model),
        names,
        observer.samples,
        observer.in_place_rule,
        method,
        chosen.parameters,
        {key: statistic for key, statistic in kept.items() if isinstance(statistic, MergeableStatistic)},
    )


def _observe(observer: _Observer, dataset: Dataset, passes: int, progress: Progress | None) -> None:
    """Run all samples while `observer` watches."""
    program = observer.program
    program.observer, program.recording = observer, observer.recording
    for sample in dataset:
        _run(program, sample)
        observer.end_sample()
        if progress is not None:
            progress(observer.samples, None if dataset.total is None else passes * dataset.total)
    if observer.samples == 0:
        raise CalibrationError("the dataset is empty; give at least one sample (a generator can be read only once)")


def _look_again(first: _Observer, dataset: Dataset, progress: Progress | None) -> None:
    """Fill the statistics of a second pass, from the same initial state as in the first, and put them in place."""
    second = _Observer(Program(first.program.model), first.method, first.in_place_rule)
    for key, statistic in first.statistics.items():
        second.statistics[key] = first.method.look_again(statistic) or first.method.start()

    def report(done: int, total: int | None) -> None:
        if progress is not None:
            progress(first.samples + done, 2 * first.samples)

    _observe(second, dataset, 1, report)
    unlike = [key for key, statistic in second.statistics.items() if statistic.is_empty]
    if second.samples != first.samples or unlike:
        raise CalibrationError(
            f"the second pass over the samples is unlike the first: {first.samples} samples, then {second.samples}"
            f"{'' if not unlike else ', of other values'}; give the same samples each time"
        )
    first.statistics = second.statistics


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
    """Fills the statistics while a program runs: called after every operator."""

    def __init__(self, program: Program, method: Method[Any], in_place_rule: bool) -> None:
        self.program = program
        self.method = method
        self.in_place_rule = in_place_rule
        self.samples = 0
        self.statistics: dict[Key, Statistic] = {}
        self.nan: dict[Key, str] = {}
        self.lost: list[str] = []
        self._watches: dict[int, list[_Watch]] = {}
        self.recording = Recording(
            only={(graph, index) for graph, index, op in program.model.walk() if op.intermediates}
        )

    def end_sample(self) -> None:
        """Count a sample, and let the statistics know that it is over."""
        self.samples += 1
        for statistic in self.statistics.values():
            statistic.end_sample()

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
                    self._add((subgraph, tensor), np.zeros(max(tensors[tensor].size, 1), np.float32), 0, 0)
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
            value = value[~np.isnan(value)]
            if value.size == 0:
                return
            low, high = value.min(), value.max()
        self._add(key, value, low, high)

    def _add(self, key: Key, values: Array, low: Any, high: Any) -> None:
        if key not in self.statistics:
            self.statistics[key] = self.method.start()
        self.statistics[key].add(values, low, high)

    def require_numbers(self) -> None:
        """CalibrationError for tensors of whose values nothing is left to make a range of."""
        empty = [key for key in self.nan if key not in self.statistics]
        if empty:
            raise CalibrationError(
                f"{self._list(empty)} only NaN in all {self.samples} samples (first seen: {self.nan[empty[0]]}); no "
                "range can be derived. Check the samples' preprocessing and the float model"
            )
        empty = [key for key, statistic in self.statistics.items() if statistic.is_empty]
        if empty:
            raise CalibrationError(
                f"{self._list(empty)} without a finite value in all {self.samples} samples; {self.method.name} can "
                "make no range of that. Check the samples' preprocessing and the float model"
            )

    def warn(self, ranges: Mapping[Key, Range]) -> None:
        """Warn of NaN, of infinities, and of values that TFLite would lose."""
        if self.nan:
            place = next(iter(self.nan.values()))
            _warn(f"{self._list(self.nan)} NaN in some elements (first seen: {place}); they were skipped, as in TFLite")
        skipped = [key for key, statistic in self.statistics.items() if statistic.skipped]
        if skipped:
            _warn(f"{self._list(skipped)} infinite in some elements, which {self.method.name} left out")
        infinite = [key for key, bounds in ranges.items() if not np.isfinite(bounds).all()]
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
    rules = find(operator.code, operator.custom_code).rules.of(operator).intermediates
    if len(rules) != len(operator.intermediates):
        return []
    return [(rule.step, t) for rule, t in zip(rules, operator.intermediates, strict=True) if t >= 0]


def _warn(message: str) -> None:
    warnings.warn(message, CalibrationWarning, stacklevel=4)

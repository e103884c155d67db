"""Models side by side, on the same data: accuracy, agreement, noise at the outputs, size and time.

All models are fed the same real numbers, quantized where an input is an integer tensor with a scale, and answer in real
numbers, dequantized where an output is. Time is that of this interpreter in NumPy, not of a device.
"""

from __future__ import annotations

import gzip
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.metrics import decibels, quantized_inputs, real_values
from qcore.auditor.targets import Score, Targets
from qcore.dataset import Dataset, Samples, input_names, open_arrays, open_dataset, read_archive
from qcore.errors import CalibrationError, ModelError, ShapeError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.tflite import load, to_bytes
from tflite_schema import TensorType

__all__ = ["LABELS", "Evaluation", "evaluate", "losers"]

Array = NDArray[Any]
Source = Model | str | os.PathLike[str] | bytes
Progress = Callable[[int, int | None], None]
LABELS = ("labels", "label", "y", "y_test", "targets", "target")
"""Names under which labels are looked for among the arrays of a .npz or a dict."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on the data; the reference is the first model. None where a number does not apply.

    bytes, gzip_bytes: the .tflite file, and the same compressed by gzip. seconds: median time of one sample.
    sqnr: decibels against the reference, by output. agreement: share of rows of the judged output with the reference's
    argmax. labelled, correct: rows with a label, and those whose largest value is the label's;
    top1 = correct / labelled. top5, mae, rmse: see `qcore.auditor.targets`.
    """

    name: str
    samples: int
    bytes: int
    gzip_bytes: int
    seconds: float
    sqnr: dict[str, float] | None
    agreement: float | None
    labelled: int
    correct: int
    top1: float | None
    top5: float | None
    mae: float | None
    rmse: float | None


def evaluate(
    models: Sequence[Source],
    data: Samples,
    labels: Any = None,
    *,
    output_name: str | None = None,
    names: Sequence[str] | None = None,
    kernels: str | KernelSet = REFERENCE,
    progress: Progress | None = None,
) -> list[Evaluation]:
    """Run models on the same data and compare them with the first, usually the float model.

    models: a `Model`, the path of a .tflite or its bytes, each; inputs and outputs correspond by position.
    data: what the first model is fed at a run, in any form `open_dataset` takes; for an integer input with a scale the
    real numbers, float32. A .npz file or a dict of arrays may hold the labels too.
    labels: an array, or the name of the array in the .npz or dict; by default it is looked for under the names in
    LABELS, and arrays of these names that are neither input nor labels are left out. Integers (n,) or one-hot rows
    give top-1 and top-5, floats of the output's shape give MAE and RMSE. Without labels, only agreement and noise are
    measured.
    output_name: the output that is judged, by the name its signature or its tensor gives it. Labels for a model of
    several outputs need it, for the order of a converted model's outputs is not always that of the model it is of.
    kernels: whose arithmetic runs the models after the first, see `qcore.kernel_sets`; the first, which they are
    measured by, runs in the reference kernels.

    Raises CalibrationError for data, ShapeError for labels or models that do not fit, ModelError without a model, and
    what the interpreter raises.
    """
    if not models:
        raise ModelError("give at least one model")
    loaded = [model if isinstance(model, Model) else load(model) for model in models]
    dataset, targets = _opened(data, labels, _with_real_inputs(loaded[0]))
    labelled = None if targets is None else np.asarray(targets)
    position, chosen = _position(loaded[0], output_name, labelled is not None), KernelSet.of(kernels)
    runs = [_Run(model, position, chosen if index else REFERENCE) for index, model in enumerate(loaded)]
    fitted = _run_all(runs, dataset, labelled, progress)
    titles = names or [_name(model, index) for index, model in enumerate(models)]
    sizes = [_bytes(source, model) for source, model in zip(models, loaded, strict=True)]
    classes = fitted is None or fitted.kind == "labels"
    return [
        run.evaluation(title, size, _output_names(loaded[0]), reference=run is runs[0], classes=classes)
        for run, title, size in zip(runs, titles, sizes, strict=True)
    ]


def _run_all(runs: Sequence[_Run], dataset: Dataset, labels: Array | None, progress: Progress | None) -> Targets | None:
    """Run every model on every sample; the labels as they fit the output they are for."""
    fitted: Targets | None = None
    rows = done = 0
    for sample in dataset:
        if sample.subgraph != 0:
            raise CalibrationError(f"sample {done}: only samples of the main graph can be compared")
        reference = runs[0].outputs(sample.inputs)
        judged = _rows(reference[runs[0].position or 0])
        if labels is not None:
            fitted = fitted or Targets.of(labels, judged.shape)
            if rows + len(judged) > len(fitted.values):
                raise ShapeError(
                    f"{len(fitted.values)} labels are fewer than the rows of the outputs; give one for each"
                )
        for run in runs:
            answers = reference if run is runs[0] else run.outputs(sample.inputs)
            run.compare(reference, answers)
            if fitted is not None:
                run.score.add(fitted, _rows(answers[run.position or 0]), rows)
        rows += len(judged)
        done += 1
        if progress is not None:
            progress(done, dataset.total)
    if done == 0:
        raise CalibrationError("the dataset is empty; give at least one sample")
    if labels is not None and rows != len(labels):
        raise ShapeError(f"{len(labels)} labels for {rows} rows of the outputs; give one for each")
    return fitted


def losers(evaluations: Sequence[Evaluation], budget: float) -> list[Evaluation]:
    """The models whose top-1 accuracy is more than `budget` percentage points below the first's, compared exactly.

    Raises ShapeError where there is no accuracy because no class labels were given.
    """
    first = evaluations[0]
    if not first.labelled:
        raise ShapeError("a budget is one of accuracy, which needs class labels: integers or one-hot rows")
    allowed = Fraction(str(budget)) * first.labelled
    return [e for e in evaluations if (first.correct - e.correct) * 100 > allowed]


# Data -----------------------------------------------------------------------------------------------------------------


def _opened(data: Any, labels: Any, model: Model) -> tuple[Dataset, Any]:
    """The samples and the labels, if there are any."""
    place = "the dict"
    if isinstance(data, (str, os.PathLike)) and Path(data).suffix == ".npz":
        place = str(data)
        data = read_archive(Path(data))
    if not isinstance(data, Mapping):
        if isinstance(labels, str):
            raise CalibrationError(
                f"labels={labels!r} names an array of a .npz file or a dict; give the labels themselves"
            )
        return open_dataset(data, model), labels
    arrays = dict(data)
    found = {name: arrays.pop(name) for name in LABELS if name in arrays and name not in input_names(model)}
    if labels is None and found:
        if len(found) > 1:
            raise CalibrationError(f"{place}: {', '.join(found)} may all be the labels; name them (--labels)")
        (labels,) = found.values()
    if isinstance(labels, str):
        if labels not in found | arrays:
            raise CalibrationError(f"{place}: no array {labels!r}; there are {', '.join(map(repr, data))}")
        labels = found[labels] if labels in found else arrays.pop(labels)
    return open_arrays(arrays, model, place), labels


def _output_names(model: Model) -> list[str]:
    """The outputs of the main graph by the names of its signature, or else of their tensors."""
    graph = model.main
    names = {index: graph.tensors[index].name for index in graph.outputs}
    for signature in model.signatures:
        if signature.subgraph_index == 0:
            names.update({int(e.tensor_index): e.name for e in signature.outputs or [] if e.name})
    return [names[index] for index in graph.outputs]


def _position(model: Model, name: str | None, labelled: bool) -> int | None:
    """Which output is judged: the one of that name, or the only one."""
    names = _output_names(model)
    if name is None and len(names) > 1:
        if labelled:
            raise ShapeError(
                f"the model has the outputs {', '.join(names)}; name the one the labels are for (output_name)"
            )
        return None
    if name is not None and name not in names:
        raise ShapeError(f"no output named {name!r}; the model has {', '.join(names)}")
    return 0 if name is None else names.index(name)


def _with_real_inputs(model: Model) -> Model:
    """The model with quantized inputs declared float32: what its samples are checked against."""
    result = model.copy()
    for index in result.main.inputs if result.subgraphs else ():
        tensor = result.main.tensors[index]
        if tensor.quant is not None and tensor.quant.is_quantized:
            tensor.type = TensorType.FLOAT32
    return result


# Runs -----------------------------------------------------------------------------------------------------------------


@dataclass
class _Run:
    """A model, and the sums over the samples it ran."""

    model: Model
    position: int | None
    kernels: KernelSet
    score: Score = field(default_factory=Score)
    seconds: list[float] = field(default_factory=list)
    signal: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    rows: int = 0
    agreed: int = 0
    classes: int = 0

    def __post_init__(self) -> None:
        self.interpreter = Interpreter(self.model, kernels=self.kernels)
        self.interpreter.allocate_tensors()

    def outputs(self, sample: Sequence[Array]) -> list[Array]:
        """The real numbers the model answers to the real numbers of a sample."""
        if len(sample) != len(self.model.main.inputs):
            raise ShapeError(f"a model takes {len(self.model.main.inputs)} inputs, the first model {len(sample)}")
        inputs = quantized_inputs(self.model, sample)
        start = time.perf_counter()
        values = self.interpreter.run(inputs)
        self.seconds.append(time.perf_counter() - start)
        tensors = [self.model.main.tensors[index] for index in self.model.main.outputs]
        return [real_values(tensor, value) for tensor, value in zip(tensors, values, strict=True)]

    def compare(self, reference: Sequence[Array], answers: Sequence[Array]) -> None:
        """Take in one run beside the reference's."""
        if [a.shape for a in reference] != [a.shape for a in answers]:
            shapes = [" and ".join(str(a.shape) for a in values) for values in (answers, reference)]
            raise ShapeError(f"a model answers with shapes {shapes[0]}, the first model with {shapes[1]}")
        self.signal = self.signal or [0.0] * len(answers)
        self.noise = self.noise or [0.0] * len(answers)
        for index, (wanted, got) in enumerate(zip(reference, answers, strict=True)):
            exact = wanted.astype(np.float64)
            self.signal[index] += float(np.sum(exact**2))
            self.noise[index] += float(np.sum((got.astype(np.float64) - exact) ** 2))
        if self.position is not None:
            wanted, got = (_rows(values[self.position]) for values in (reference, answers))
            self.agreed += int((wanted.argmax(-1) == got.argmax(-1)).sum())
            self.rows += got[..., 0].size
            self.classes = got.shape[-1]

    def evaluation(
        self, name: str, content: bytes, outputs: Sequence[str], *, reference: bool, classes: bool
    ) -> Evaluation:
        """What the sums amount to. `classes`: the rows of the judged output choose among classes."""
        noise = [decibels(s, n) for s, n in zip(self.signal, self.noise, strict=True)]
        return Evaluation(
            name=name,
            samples=len(self.seconds),
            bytes=len(content),
            gzip_bytes=len(gzip.compress(content, mtime=0)),
            seconds=statistics.median(self.seconds),
            sqnr=None if reference else dict(zip(outputs, noise, strict=True)),
            agreement=self.agreed / self.rows if classes and not reference and self.classes > 1 else None,
            labelled=self.score.rows,
            correct=self.score.first,
            top1=self.score.top1,
            top5=self.score.top5,
            mae=self.score.mae,
            rmse=self.score.rmse,
        )


def _rows(output: Array) -> Array:
    """An output with a batch axis and a class axis."""
    return output.reshape(-1, 1) if output.ndim < 2 else output


def _name(model: Source, index: int) -> str:
    return os.fspath(model) if isinstance(model, (str, os.PathLike)) else f"model {index}"


def _bytes(source: Source, model: Model) -> bytes:
    """The file of a model, as it is or as it would be written."""
    if isinstance(source, bytes):
        return source
    return to_bytes(model) if isinstance(source, Model) else Path(source).read_bytes()

"""Representative datasets: whatever holds samples, read into the inputs of a model, one sample at a time.

A sample is what the model is fed at one run: exact dtypes and shapes, batch axis included. Nothing is converted,
padded or broadcast: a dataset that does not fit would give plausible, wrong ranges.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qcore.errors import CalibrationError
from qcore.ir import Model, Shape, Tensor, numpy_dtype
from tflite_schema import TensorType

__all__ = ["Dataset", "Sample", "Samples", "input_names", "open_arrays", "open_dataset", "read_archive"]

Array = NDArray[Any]
Samples = Any
"""An iterable of samples, a function without arguments that returns one, arrays of stacked samples, or a path."""


class Sample(NamedTuple):
    """What one run is fed: the arrays of a subgraph's inputs, in input order."""

    subgraph: int
    inputs: list[Array]


@dataclass(frozen=True)
class Dataset:
    """Samples that fit a model. Iterating reads, checks and yields one at a time; `total` is None if not known.

    once: they come from an iterator, which can be read only once.
    """

    total: int | None
    _open: Callable[[], Iterator[Sample]]
    once: bool = False

    def __iter__(self) -> Iterator[Sample]:
        return self._open()


def open_dataset(samples: Samples, model: Model) -> Dataset:
    """The representative dataset of a model, from any of these:

    - an iterable of samples, or a function without arguments that returns one (TFLite's `representative_dataset`).
      A sample is an array (models with one input), a list or tuple of arrays in input order, a dict of arrays by input
      tensor name or signature input name, or a pair (signature key, dict). Shapes are those of one run.
    - an array of stacked samples, or a dict of such arrays by input name. For an input of shape S, an array of shape
      (n, *S) holds n samples; one of shape (n * S[0], *S[1:]) is cut along its first axis into n samples.
    - a path: a .npy file (models with one input); a .npz file, its arrays named as the inputs (or `arr_0`, `arr_1`,
      ... in input order, or a single array of any name for a model with one input); or a folder of such files, read in
      the order of their names. Each holds stacked samples as above. Pickled objects are never loaded.

    A sample may differ from the model's shape where the shape signature has -1, and from sample to sample.
    Raises CalibrationError, here or while iterating, for whatever does not fit, naming sample and input.
    """
    if isinstance(samples, Dataset):
        return samples
    if not model.subgraphs or not model.main.inputs:
        raise CalibrationError("the model takes no inputs, so no sample can change its values")
    inputs = _Inputs(model)
    if isinstance(samples, (str, os.PathLike)):
        return _open_path(Path(samples), inputs)
    if isinstance(samples, np.ndarray):
        return _stacked([_Stack.of(samples, inputs, "the array")])
    if isinstance(samples, Mapping):
        return _stacked([_Stack.of(samples, inputs, "the dict")])
    if not (callable(samples) or isinstance(samples, Iterable)):
        raise CalibrationError(
            f"a dataset cannot be read from {type(samples).__name__}; give an iterable of samples, a function that "
            "returns one, or the path of a .npz, a .npy or a folder of them"
        )
    return Dataset(_length(samples), lambda: _iterate(samples, inputs), isinstance(samples, Iterator))


def _length(samples: Any) -> int | None:
    try:
        return len(samples) if isinstance(samples, Sized) else None
    except TypeError:  # a tf.data.Dataset of unknown or infinite length
        return None


def _iterate(samples: Any, inputs: _Inputs) -> Iterator[Sample]:
    found = samples if isinstance(samples, Iterable) else samples()
    if not isinstance(found, Iterable):
        raise CalibrationError(f"the dataset function returned {type(found).__name__}; it has to yield samples")
    for number, value in enumerate(found):
        yield inputs.sample(value, f"sample {number}")


# One sample -----------------------------------------------------------------------------------------------------------


class _Inputs:
    """The inputs of a model by position and by name, and the check of a sample against them."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = self._names(0)

    def _names(self, subgraph: int, key: str | None = None) -> dict[str, int]:
        """Input name -> position: tensor names, and those of the signatures (or of one of them)."""
        graph = self.model.subgraphs[subgraph]
        names = {graph.tensors[index].name: position for position, index in enumerate(graph.inputs)}
        for signature in self.model.signatures:
            if signature.subgraph_index == subgraph and key in (None, signature.signature_key):
                for entry in signature.inputs or []:
                    if entry.tensor_index in graph.inputs:
                        names[entry.name or ""] = graph.inputs.index(entry.tensor_index)
        return names

    def tensors(self, subgraph: int = 0) -> list[Tensor]:
        """The input tensors of a subgraph, in input order."""
        graph = self.model.subgraphs[subgraph]
        return [graph.tensors[index] for index in graph.inputs]

    def sample(self, value: Any, place: str) -> Sample:
        """The sample a user gave in any of the accepted forms, checked."""
        subgraph, names = 0, self.names
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
            key, value = value
            if not isinstance(value, Mapping):
                raise CalibrationError(f"{place}: signature {key!r} must come with a dict, got {type(value).__name__}")
            subgraph = self._subgraph(key, place)
            names = self._names(subgraph, key)
        if isinstance(value, Mapping):
            values = self.by_position(value, place, names, len(self.tensors(subgraph)))
        elif isinstance(value, (list, tuple)):
            values = list(value)
        else:
            values = [value]
        tensors = self.tensors(subgraph)
        if len(values) != len(tensors):
            expected = ", ".join(repr(tensor.name) for tensor in tensors)
            raise CalibrationError(f"{place}: the model takes {len(tensors)} inputs ({expected}), got {len(values)}")
        arrays = [
            self._checked(item, tensor, position, place)
            for position, (item, tensor) in enumerate(zip(values, tensors, strict=True))
        ]
        return Sample(subgraph, arrays)

    def _subgraph(self, key: str, place: str) -> int:
        for signature in self.model.signatures:
            if signature.signature_key == key:
                return signature.subgraph_index
        keys = ", ".join(repr(signature.signature_key) for signature in self.model.signatures) or "none"
        raise CalibrationError(f"{place}: no signature {key!r}; the model has {keys}")

    def by_position(self, values: Mapping[Any, Any], place: str, names: Mapping[str, int], count: int) -> list[Any]:
        """The values of a dict by input name, in input order; each input exactly once."""
        known = ", ".join(repr(name) for name in names)
        found: dict[int, Any] = {}
        for name, value in values.items():
            if name not in names:
                raise CalibrationError(f"{place}: no input named {name!r}; the names are {known}. Leave it out")
            if names[name] in found:
                raise CalibrationError(f"{place}: {name!r} names an input that is given twice; keep one of its names")
            found[names[name]] = value
        if len(set(names.values())) < count:
            raise CalibrationError(f"{place}: inputs of the model share a name; give a list in input order")
        missing = [name for name, position in names.items() if position not in found]
        if missing and len(found) != count:
            raise CalibrationError(f"{place}: no value for {', '.join(map(repr, missing))}; give every input")
        return [found[position] for position in range(count)]

    def _checked(self, value: Any, tensor: Tensor, position: int, place: str) -> Array:
        array = _as_array(value, tensor, f"{place}, input {position} {tensor.name!r}")
        dtype = numpy_dtype(tensor.type)
        if array.dtype == dtype and _fits(array.shape, tensor):
            return array
        remedy = f"convert the values to {dtype} as the model's preprocessing does"
        if array.dtype == dtype:
            remedy = "give the array the shape of one run"
            if _fits((1, *array.shape), tensor):
                remedy = "add the batch axis: x[np.newaxis]"
        raise CalibrationError(
            f"{place}, input {position} {tensor.name!r}: expected {dtype} of shape {_shape(tensor)}, "
            f"got {array.dtype} of shape {array.shape}; {remedy}"
        )


def _as_array(value: Any, tensor: Tensor, place: str) -> Array:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise CalibrationError(f"{place}: {type(value).__name__} is no array: {error}") from error
    if tensor.type == TensorType.STRING and array.dtype.kind in "US":
        return array.astype(object)
    return array


def _signature(tensor: Tensor) -> Shape:
    """The shape with -1 for dimensions that may differ from run to run."""
    signature = tensor.shape_signature
    return tensor.shape if signature is None or len(signature) != len(tensor.shape) else signature


def _fits(shape: Shape, tensor: Tensor) -> bool:
    wanted = _signature(tensor)
    return len(shape) == len(wanted) and all(s in (-1, n) for n, s in zip(shape, wanted, strict=True))


def _shape(tensor: Tensor) -> str:
    return str(_signature(tensor)).replace("-1", "any")


# Stacked samples ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stack:
    """Arrays that hold several samples each, one array per input, in input order."""

    arrays: list[Array]
    batches: list[int | None]
    count: int
    inputs: _Inputs
    place: str

    @staticmethod
    def of(values: Any, inputs: _Inputs, place: str) -> _Stack:
        """Arrays, checked; how each is cut: by index (None) or into batches of so many along the first axis."""
        tensors = inputs.tensors()
        if isinstance(values, Mapping):
            arrays = [np.asarray(item) for item in inputs.by_position(values, place, inputs.names, len(tensors))]
        else:
            arrays = [values]
        if len(arrays) != len(tensors):
            names = ", ".join(repr(tensor.name) for tensor in tensors)
            raise CalibrationError(
                f"{place}: one array cannot feed {len(tensors)} inputs ({names}); give a dict by name"
            )
        batches: list[int | None] = []
        counts: list[int] = []
        for array, tensor in zip(arrays, tensors, strict=True):
            batch, count = _cut(array, tensor, f"{place}, input {tensor.name!r}")
            batches.append(batch)
            counts.append(count)
        if len(set(counts)) > 1:
            listed = ", ".join(f"{tensor.name!r} {count}" for tensor, count in zip(tensors, counts, strict=True))
            raise CalibrationError(f"{place}: the arrays hold different numbers of samples: {listed}")
        return _Stack(arrays, batches, counts[0], inputs, place)

    def __iter__(self) -> Iterator[Sample]:
        for number in range(self.count):
            values = [
                array[number] if batch is None else array[number * batch : (number + 1) * batch]
                for array, batch in zip(self.arrays, self.batches, strict=True)
            ]
            yield self.inputs.sample(values, f"{self.place}, sample {number}")


def _cut(array: Array, tensor: Tensor, place: str) -> tuple[int | None, int]:
    """How an array holds samples of an input: (None, n) as array[i], or (b, n) as array[i * b : (i + 1) * b]."""
    if array.ndim == len(tensor.shape) + 1 and _fits(array.shape[1:], tensor):
        return None, array.shape[0]
    if array.ndim == len(tensor.shape) > 0 and _fits((tensor.shape[0], *array.shape[1:]), tensor):
        batch = tensor.shape[0]
        if batch > 0 and array.shape[0] % batch == 0:
            return batch, array.shape[0] // batch
        raise CalibrationError(
            f"{place}: the first axis has {array.shape[0]} entries, which do not make whole batches of {batch}"
        )
    rows = ("n", *map(str, _signature(tensor)))
    stacked = f"({', '.join(rows)})".replace("-1", "any")
    raise CalibrationError(
        f"{place}: expected samples stacked along the first axis, as shape {stacked} or that many of "
        f"{_shape(tensor)} joined along it, got shape {array.shape}"
    )


def _stacked(stacks: Sequence[_Stack]) -> Dataset:
    return Dataset(sum(stack.count for stack in stacks), lambda: (sample for stack in stacks for sample in stack))


# Files ----------------------------------------------------------------------------------------------------------------


def _open_path(path: Path, inputs: _Inputs) -> Dataset:
    if not path.is_dir():
        return _stacked([_read(path, inputs)])
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
    if not files:
        raise CalibrationError(f"{path}: there is no .npz or .npy file in this folder")

    def read() -> Iterator[Sample]:
        for file in files:
            yield from _read(file, inputs)

    # A .npy is mapped, so its number of samples costs nothing to know; a .npz would have to be read twice.
    mapped = all(file.suffix == ".npy" for file in files)
    return Dataset(sum(_read(file, inputs).count for file in files) if mapped else None, read)


_SUFFIXES = (".npz", ".npy")


def _read(path: Path, inputs: _Inputs) -> _Stack:
    if path.suffix not in _SUFFIXES:
        raise CalibrationError(f"{path}: a dataset is read from .npz or .npy files, or from a folder of them")
    try:
        if path.suffix == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(array, np.ndarray):
                array.close()
                raise CalibrationError(f"{path}: this is a .npz archive; rename it")
            return _Stack.of(array, inputs, str(path))
        values = read_archive(path)
    except CalibrationError:
        raise
    except Exception as error:  # a damaged file makes NumPy raise anything
        raise CalibrationError(f"{path}: cannot be read as {path.suffix}: {error}") from error
    return _Stack.of(_by_input_name(values, inputs), inputs, str(path))


def read_archive(path: Path) -> dict[str, Array]:
    """The arrays of a .npz file by name; pickled objects are refused. CalibrationError where it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # a damaged file makes NumPy, zipfile and zlib raise anything
        raise CalibrationError(f"{path}: cannot be read as {path.suffix}: {error}") from error


def open_arrays(values: Mapping[str, Array], model: Model, place: str) -> Dataset:
    """The dataset in the arrays of a .npz file, named as `open_dataset` says; `place` names them in messages."""
    inputs = _Inputs(model)
    return _stacked([_Stack.of(_by_input_name(values, inputs), inputs, place)])


def input_names(model: Model) -> list[str]:
    """The names a dict of arrays may give the inputs of the main graph: tensor names and signature names."""
    return list(_Inputs(model).names)


def _by_input_name(values: Mapping[str, Array], inputs: _Inputs) -> Mapping[str, Array]:
    """The arrays by input name: a single one feeds a single input, `arr_0`, `arr_1`, ... feed inputs in order."""
    tensors = inputs.tensors()
    positional = {f"arr_{position}": tensor.name for position, tensor in enumerate(tensors)}
    if len(tensors) == len(values) == 1:
        return {tensors[0].name: next(iter(values.values()))}
    if set(values) == set(positional) and not set(values) & set(inputs.names):
        return {positional[name]: value for name, value in values.items()}
    return values

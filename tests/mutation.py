"""Damage done to a model on purpose, from a seed: shapes, types, indices, options, quantization, bytes.

`mutated(model, rng)` gives a model with one to three fields changed to what a damaged or hostile file may hold.
`attempt` runs a model as a user would and lets nothing out but a result or a QCoreError that says where.
"""

from __future__ import annotations

import contextlib
import re
import signal
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore import Interpreter, QCoreError
from qcore.ir import DTYPES, Model, Operator, QuantParams, Tensor
from qcore.tflite import to_bytes
from tflite_schema import BuiltinOperator, Table, TensorType

Array = NDArray[Any]
Rng = np.random.Generator
TENSOR_BYTES = 1 << 16
PEAK_BYTES = 1 << 30
"""What a run may take at its peak, where no tensor may be larger than TENSOR_BYTES."""
SECONDS = 60
"""A run that takes longer hangs: it takes milliseconds."""

SIZES = [0, 1, 2, 3, 5, 17, 255, 1 << 10, 1 << 16, (1 << 31) - 1, 1 << 31, 1 << 40, -1, -7]
INTEGERS = [0, 1, 2, 3, -1, -2, 7, 100, 1 << 15, (1 << 31) - 1, -(1 << 31)]
FLOATS = [0.0, -1.0, np.nan, np.inf, -np.inf, 1e-38, 1e38, 1e-45, 0.5]


def mutated(model: Model, rng: Rng) -> Model:
    """A copy with one to three things changed."""
    damaged = model.copy()
    for _ in range(_pick([1, 1, 1, 2, 3], rng)):
        _MUTATIONS[rng.integers(len(_MUTATIONS))](damaged, rng)
    return damaged


def mutated_bytes(content: bytes, rng: Rng) -> bytes:
    """The file with some bytes overwritten, or cut short."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 9)):
        at = int(rng.integers(len(data)))
        if rng.random() < 0.5:
            data[at] = int(_pick([0, 1, 2, 127, 128, 255, rng.integers(256)], rng))
        else:
            word = np.array(rng.choice(INTEGERS), np.int64).astype(np.int32).tobytes()
            data[at : at + 4] = word[: len(data) - at]
    return bytes(data[: rng.integers(len(data))] if rng.random() < 0.05 else data)


# One change each ------------------------------------------------------------------------------------------------------


def _pick(items: Any, rng: Rng) -> Any:
    return items[int(rng.integers(len(items)))]


def _tensor(model: Model, rng: Rng) -> Tensor | None:
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    return _pick(tensors, rng) if tensors else None


def _operator(model: Model, rng: Rng) -> Operator | None:
    operators = [operator for _, _, operator in model.walk()]
    return _pick(operators, rng) if operators else None


def _list(values: tuple[Any, ...], fresh: Any, rng: Rng) -> tuple[Any, ...]:
    """A sequence with an element changed, dropped, doubled, added, or in another order."""
    changed = list(values)
    kind = rng.integers(6)
    if kind == 0 or not changed:
        changed.insert(int(rng.integers(len(changed) + 1)), fresh)
    elif kind == 1:
        del changed[int(rng.integers(len(changed)))]
    elif kind == 2:
        changed = [changed[i] for i in rng.permutation(len(changed))]
    else:
        changed[int(rng.integers(len(changed)))] = fresh
    return tuple(changed)


def _shape(model: Model, rng: Rng) -> None:
    """Another shape; every other time the bytes of a constant are made to fit it."""
    tensor = _tensor(model, rng)
    if tensor is None:
        return
    fits = rng.random() < 0.5
    tensor.shape = _list(tensor.shape, _pick(SIZES[:6] if fits else SIZES, rng), rng)
    stored = model.buffers[tensor.buffer] if 0 < tensor.buffer < len(model.buffers) else None
    if fits and stored is not None and tensor.type in DTYPES and min(tensor.shape, default=0) >= 0:
        size = tensor.size * DTYPES[tensor.type].itemsize
        if size < 1 << 16:
            tensor.buffer = model.add_buffer(np.resize(stored, size).tobytes())


def _type(model: Model, rng: Rng) -> None:
    if tensor := _tensor(model, rng):
        tensor.type = _pick(list(TensorType), rng)


def _variable(model: Model, rng: Rng) -> None:
    if tensor := _tensor(model, rng):
        tensor.is_variable = not tensor.is_variable


def _buffer_index(model: Model, rng: Rng) -> None:
    if tensor := _tensor(model, rng):
        tensor.buffer = int(rng.integers(-1, len(model.buffers) + 1))


def _quant(model: Model, rng: Rng) -> None:
    tensor = _tensor(model, rng)
    if tensor is None:
        return
    quant = tensor.quant or QuantParams.of(0.5, 3)
    kind = rng.integers(6)
    if kind == 0:
        tensor.quant = None if tensor.quant is not None else quant
    elif kind in (1, 2) and quant.scale.size:
        scale = quant.scale.copy()
        scale[rng.integers(scale.size)] = _pick(FLOATS, rng)
        tensor.quant = replace(quant, scale=scale)
    elif kind == 3 and quant.zero_point.size:
        zero_point = quant.zero_point.copy()
        zero_point[rng.integers(zero_point.size)] = _pick([*INTEGERS, 1 << 40, 128, 255, -128], rng)
        tensor.quant = replace(quant, zero_point=zero_point)
    elif kind == 4:
        count = int(_pick([0, 1, 2, 3, 4], rng))
        tensor.quant = QuantParams.of([0.5] * count, 1, int(rng.integers(0, 3)))
    else:
        tensor.quant = replace(quant, quantized_dimension=int(_pick(INTEGERS, rng)))


def _operands(model: Model, rng: Rng) -> None:
    if operator := _operator(model, rng):
        fresh = int(rng.integers(-2, sum(len(graph.tensors) for graph in model.subgraphs) + 1))
        name = _pick(["inputs", "inputs", "inputs", "outputs", "intermediates"], rng)
        setattr(operator, name, _list(getattr(operator, name), fresh, rng))


def _border(model: Model, rng: Rng) -> None:
    graph = _pick(model.subgraphs, rng)
    name = _pick(["inputs", "outputs"], rng)
    setattr(graph, name, _list(getattr(graph, name), int(rng.integers(-1, len(graph.tensors) + 1)), rng))


def _bytes(model: Model, rng: Rng) -> None:
    held = [index for index, data in enumerate(model.buffers) if data is not None and data.size]
    if not held:
        return
    index = _pick(held, rng)
    data = np.array(model.buffers[index], np.uint8)
    kind = rng.integers(5)
    if kind == 0:
        data = data[: rng.integers(data.size)]
    elif kind == 1:
        data = np.concatenate([data, data])
    elif kind == 2:
        data[:] = rng.integers(0, 256, data.size)
    else:
        word = np.frombuffer(np.array(_pick(INTEGERS, rng), np.int64).astype(np.int32).tobytes(), np.uint8)
        at = int(rng.integers(max(data.size // 4, 1))) * 4
        data[at : at + 4] = word[: data.size - at]
    model.buffers[index] = data


def _code(model: Model, rng: Rng) -> None:
    if operator := _operator(model, rng):
        operator.code = _pick(list(BuiltinOperator), rng)
        operator.custom_code = "TFLite_Detection_PostProcess" if operator.code == BuiltinOperator.CUSTOM else None


def _custom_options(model: Model, rng: Rng) -> None:
    if operator := _operator(model, rng):
        data = operator.custom_options
        if data is None or not data.size or rng.random() < 0.2:
            operator.custom_options = rng.integers(0, 256, int(rng.integers(40))).astype(np.uint8)
            return
        operator.custom_options = np.array(data, np.uint8)
        operator.custom_options[rng.integers(data.size)] = rng.integers(256)


def _options(model: Model, rng: Rng) -> None:
    operator = _operator(model, rng)
    if operator is None:
        return
    table = operator.options
    if not isinstance(table, Table) or rng.random() < 0.05:
        others = [other.options for _, _, other in model.walk() if other is not operator]
        operator.options = _pick([None, *others], rng)
        return
    names = [name for name in table._by_name if not name.endswith("_type")]
    if names:
        name = _pick(names, rng)
        with contextlib.suppress(TypeError, ValueError):  # a value that no file can hold
            operator.options = table.replace(**{name: _field(getattr(table, name), rng)})


def _field(value: Any, rng: Rng) -> Any:
    """Another value for a field of a table; None leaves it out."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, IntEnum):
        return _pick(list(type(value)), rng)
    if isinstance(value, float):
        return float(_pick(FLOATS, rng))
    if isinstance(value, int):
        return int(_pick(INTEGERS, rng))
    if isinstance(value, np.ndarray):
        return np.array(_list(tuple(value.tolist()), _pick(INTEGERS, rng), rng), np.int64).astype(value.dtype)
    return None


_MUTATIONS: list[Callable[[Model, Rng], None]] = [
    *[_shape] * 3,
    *[_options] * 4,
    *[_bytes] * 3,
    *[_quant] * 3,
    *[_operands] * 2,
    _type,
    _variable,
    _buffer_index,
    _border,
    _custom_options,
    _code,
]


# Running --------------------------------------------------------------------------------------------------------------


class HangError(BaseException):
    """A run that does not end; no `except Exception` stops it."""


@contextlib.contextmanager
def ends() -> Iterator[None]:
    """Raise HangError in what takes SECONDS (where the platform has alarms)."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


_SAYS_WHERE = re.compile(r"subgraph \d+|signature|no subgraph|tensor \d+|model: |model_content|Model|operator code")


def attempt(model: Model | bytes, feeds: list[Array], rng: Rng) -> QCoreError | None:
    """Load, allocate, feed and run a model; the QCoreError it was refused with, None if it ran.

    Whatever else is raised comes out. Asserts that the message says where, and that memory stayed bounded.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"), ends():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        try:
            _run(model, feeds, rng)
            refusal = None
        except QCoreError as error:
            refusal = error
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < PEAK_BYTES, f"{peak:,} bytes at the peak; refused with {refusal}"
    assert refusal is None or _SAYS_WHERE.search(str(refusal)), f"the message does not say where: {refusal}"
    return refusal


def _run(model: Model | bytes, feeds: list[Array], rng: Rng) -> None:
    interpreter = Interpreter(model, max_tensor_bytes=TENSOR_BYTES, max_calls=50)
    interpreter.get_tensor_details()
    interpreter.get_signature_list()
    interpreter.allocate_tensors()
    graph = interpreter.model.main
    for position, index in enumerate(graph.inputs):
        if graph.tensors[index].type not in DTYPES:
            continue
        value = np.asarray(interpreter.get_tensor(index))
        given = feeds[position] if position < len(feeds) else None
        if given is not None and given.shape == value.shape and given.dtype == value.dtype:
            value = given.copy()
        if value.size and value.dtype.kind in "iuf" and rng.random() < 0.3:
            value.reshape(-1)[rng.integers(value.size)] = _hostile(value.dtype, rng)
        if graph.tensors[index].type not in (TensorType.INT4, TensorType.INT2, TensorType.UINT4):
            interpreter.set_tensor(index, value)
    for _ in range(2):
        interpreter.invoke()
    for index in graph.outputs:
        interpreter.get_tensor(index)


def _hostile(dtype: Any, rng: Rng) -> Any:
    if dtype.kind == "f":
        return _pick(FLOATS, rng)
    info = np.iinfo(dtype)
    return _pick([info.min, info.max, *[i for i in INTEGERS if info.min <= i <= info.max]], rng)


def as_file(model: Model) -> bytes | None:
    """The model's file; None for one that cannot be written (a negative index)."""
    try:
        return to_bytes(model)
    except (TypeError, ValueError, OverflowError):
        return None

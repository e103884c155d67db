"""TensorFlow's quantizers of weights as oracles: the whole converter, and the pass that takes a float .tflite.

That pass, `mlir::lite::QuantizeWeights`, has no Python name, but TensorFlow's library exports it. It runs the very
passes of the converter, and lets us ask about graphs made by hand, deny-lists and weights that are only stored. It
differs from the converter where it reads a file: constants start in the order of their first use, and names are taken
as they are. `imported` prepares a model so that both make the same of it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.quantizer.hoisting import hoisted
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.comparison import differences
from tflite_schema import TensorType

__all__ = ["SCHEMES", "check", "check_with_converter", "converted", "imported", "quantized"]

SCHEMES = ("float16", "dynamic_range", "weight_only_int8")
_SYMBOL = (
    "_ZN4mlir4lite15QuantizeWeightsEPN11flatbuffers21FlatBufferBuilderImplILb0EEEPKN6tflite5ModelERKNS5_10TensorTypeE"
    "RKN4absl12lts_2025081413flat_hash_setINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENSD_18container_internal"
    "10StringHashENSL_8StringEqESaISK_EEERKSt13unordered_mapISK_NS0_12CustomOpInfoESt4hashISK_ESt8equal_toISK_ESaISt4"
    "pairIKSK_ST_EEElbbb"
)
_OK = 1
_LEAST_ELEMENTS = 1024


@functools.cache
def _pass() -> Any:
    """The exported function; the test is skipped where this TensorFlow has none of that name."""
    folder = Path(str(oracle.tensorflow().__file__)).parent
    try:
        function = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))[_SYMBOL]
    except (OSError, AttributeError):
        pytest.skip("this build of TensorFlow does not export QuantizeWeights")
    function.restype = None
    function.argtypes = [ctypes.c_void_p] * 6 + [ctypes.c_int64] + [ctypes.c_bool] * 3
    return function


def _hash_set(names: Sequence[str]) -> tuple[Any, list[Any]]:
    """An absl::flat_hash_set<std::string> that can be iterated over, and what it points to."""
    table = (ctypes.c_uint64 * 8)()
    if not names:
        return table, []
    capacity = 3
    while capacity < len(names):
        capacity = 2 * capacity + 1
    full, empty, sentinel = b"\x01", b"\x80", b"\xff"
    control = ctypes.create_string_buffer(
        full * len(names) + empty * (capacity - len(names)) + sentinel + empty * capacity
    )
    slots = (ctypes.c_uint64 * (4 * capacity))()
    texts = [ctypes.create_string_buffer(name.encode()) for name in names]
    for index, (name, text) in enumerate(zip(names, texts, strict=True)):
        slots[4 * index : 4 * index + 3] = [ctypes.addressof(text), len(name), max(len(name), 15)]
    table[:4] = [capacity, len(names) << 17, ctypes.addressof(control), ctypes.addressof(slots)]
    return table, [control, slots, *texts]


def quantized(model: Model, scheme: str, *, per_channel: bool = True, denylisted_ops: Sequence[str] = ()) -> Model:
    """What the pass makes of a float model."""
    content = to_bytes(model)
    file = ctypes.create_string_buffer(content, len(content))
    root = ctypes.addressof(file) + struct.unpack_from("<I", content)[0]
    builder = (ctypes.c_uint64 * 64)()  # an empty flatbuffers::FlatBufferBuilder: sizes of 1024 and 2^31 - 1, aligned 8
    builder[2:5] = [1024, 2**31 - 1, 8]
    status, custom = ctypes.c_uint64(0), (ctypes.c_uint64 * 16)()
    type_ = ctypes.c_int8(TensorType.FLOAT16 if scheme == "float16" else TensorType.INT8)
    denied, held = _hash_set([f"tfl.{name.lower()}" for name in denylisted_ops])
    pointers = [ctypes.addressof(part) for part in (status, builder)] + [root]
    pointers += [ctypes.addressof(part) for part in (type_, denied, custom)]
    _pass()(*pointers, _LEAST_ELEMENTS, not per_channel, scheme == "weight_only_int8", False)
    assert status.value == _OK, "TensorFlow refused the model"
    del held
    convert = importlib.import_module("tensorflow.lite.python.convert")
    written = ctypes.string_at(builder[8], builder[6])
    return load(bytes(convert.deduplicate_readonly_buffers(written)))


def imported(model: Model) -> Model:
    """The model with its constants in the order the pass gives them, under names that cannot be taken for numbered."""
    result = load(to_bytes(model))
    for graph in result.subgraphs:
        held = {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable or result.is_constant(tensor)}
        statements: list[int | None] = []
        for op in graph.operators:
            statements += [*(tensor for tensor in op.inputs if tensor in held), None]
        statements += [tensor for tensor in graph.outputs if tensor in held]
        constants = [t for t in hoisted(_once(statements), lambda t: t is not None) if t is not None]
        order = [*graph.inputs, *constants, *(t for op in graph.operators for t in op.outputs)]
        number = {old: new for new, old in enumerate(order)} | {-1: -1}
        graph.tensors = [graph.tensors[tensor] for tensor in order]
        for tensor in graph.tensors:
            tensor.name += "_"
        for op in graph.operators:
            op.inputs, op.outputs = tuple(number[t] for t in op.inputs), tuple(number[t] for t in op.outputs)
        graph.inputs, graph.outputs = (tuple(number[t] for t in ends) for ends in (graph.inputs, graph.outputs))
    return load(to_bytes(result))


def _once(statements: list[int | None]) -> list[int | None]:
    seen: set[int | None] = set()
    kept = []
    for statement in statements:
        if statement is None or statement not in seen:
            kept.append(statement)
        seen.add(statement)
    return kept


def check(model: Model, schemes: Sequence[str] = SCHEMES, **recipe: Any) -> dict[str, Model]:
    """Assert that our models say what the pass's say; the models by scheme. Options do not concern float16."""
    source = imported(model)
    made = {}
    for scheme in schemes:
        options = {} if scheme == "float16" else recipe
        made[scheme] = load(to_bytes(quantize(source, scheme, **options)))
        theirs = quantized(source, scheme, **options)
        for answer in (made[scheme], theirs):  # in the converter's order only its own come first
            answer.metadata.sort(key=lambda entry: entry.name or "")
            for operator in answer.main.operators:  # the pass writes that an LSTM has no intermediate tensors
                if operator.name == "LSTM" and not operator.intermediates:
                    operator.extra.pop("absent", None)
        found = differences(made[scheme], theirs)
        if scheme == "float16":  # only the whole converter writes which precision the runtime may use
            found = [line for line in found if not line.startswith(("metadata", "number of buffers"))]
            found = [line for line in found if not _is_counter(source, theirs, line)]
        assert not found, f"{scheme}: {len(found)} differences:\n" + "\n".join(found[:20])
    return made


def _is_counter(source: Model, theirs: Model, line: str) -> bool:
    """Whether a difference is what the import writes into a variable: how many it has read before."""
    for tensor in source.main.tensors:
        if tensor.is_variable and re.match(rf"subgraph 0: tensor \d+ {tensor.name!r}: bytes: ", line):
            values = next(theirs.constant(other) for other in theirs.main.tensors if other.name == tensor.name)
            return values is not None and bool((values == values.flat[0]).all())
    return False


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "float": ("", {}),
    "float16": ("float16", {}),
    "dynamic_range": ("dynamic_range", {}),
    "per tensor": ("dynamic_range", {"per_channel": False}),
    "dense per tensor": ("dynamic_range", {"per_channel_dense": False}),
}


def converted(converter: Callable[[], Any], variant: str) -> Model:
    """What TFLiteConverter makes, by the name of a variant."""
    tensorflow = oracle.tensorflow()
    scheme, options = VARIANTS[variant]
    made = converter()
    if scheme:
        made.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    if scheme == "float16":
        made.target_spec.supported_types = [tensorflow.float16]
    made._experimental_disable_per_channel = not options.get("per_channel", True)
    made._experimental_disable_per_channel_quantization_for_dense_layers = not options.get("per_channel_dense", True)
    return load(bytes(made.convert()))


def check_with_converter(
    converter: Callable[[], Any], variants: Sequence[str] = ("float16", "dynamic_range"), ignored: Sequence[str] = ()
) -> Model:
    """Assert that from the converter's float model we make its quantized ones; the float model.

    What the conversion wrote about itself (CONVERSION_METADATA) is the only thing left out. ignored: texts of
    differences that are expected.
    """
    source = converted(converter, "float")
    for variant in variants:
        scheme, options = VARIANTS[variant]
        ours, theirs = load(to_bytes(quantize(source, scheme, **options))), converted(converter, variant)
        for model in (ours, theirs):
            for entry in model.metadata:
                if entry.name == "CONVERSION_METADATA":
                    model.buffers[int(entry.buffer)] = np.zeros(0, np.uint8)
        found = [line for line in differences(ours, theirs) if not any(text in line for text in ignored)]
        assert not found, f"{variant}: {len(found)} differences:\n" + "\n".join(found[:20])
    return source

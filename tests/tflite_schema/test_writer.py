"""Read, write, read again: nothing is lost, nothing is added, and the bytes settle at once."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tflite_schema.checks import FILES, check_roundtrip, needs_models
from tests.tflite_schema.strategies import models
from tflite_schema import (
    TABLES,
    Buffer,
    BuiltinOptions,
    Conv2DOptions,
    FormatError,
    Model,
    Operator,
    Padding,
    SubGraph,
    Table,
    Tensor,
    TensorType,
    read,
    write,
)


@needs_models
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_reads_writes_and_rereads_equal(path: Path) -> None:
    model = read(path)
    assert model.subgraphs[0].tensors[0].shape is not None
    data = check_roundtrip(model)
    assert len(data) < 1.1 * path.stat().st_size + 100
    assert read(path.read_bytes()) == model
    assert read(bytearray(path.read_bytes())) == model
    assert read(memoryview(b"?" + path.read_bytes())[1:]) == model  # every vector is misaligned in memory


def flatbuffer_size(model: Model) -> int:
    return len(write(model.replace(appended=None)))


@needs_models
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_weights_may_be_stored_after_the_flatbuffer(path: Path) -> None:
    model = read(path)
    inside = write(model)
    weights = sum(16 + len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    if weights < 40 * len(model.buffers):
        with pytest.raises(FormatError, match="even without its weights"):
            write(model, flatbuffer_limit=100)
        return
    outside = check_roundtrip(model, flatbuffer_size(model) - 1)
    assert outside != inside
    assert write(read(outside)) == inside


def outputs(content: bytes, inputs: dict[str, Any]) -> list[Any]:
    lite = importlib.import_module("tensorflow").lite
    resolver = lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = lite.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for index, detail in enumerate(interpreter.get_input_details()):
        interpreter.set_tensor(detail["index"], inputs[f"s0_in{index}"])
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


@needs_models
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tensorflow_runs_what_is_written_as_it_runs_the_original(path: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    with np.load(path.with_suffix(".npz")) as archive:
        inputs = dict(archive)
    model = read(path)
    inside = write(model)
    versions = [inside]
    if len(inside) > 40_000:
        versions.append(write(model, flatbuffer_limit=flatbuffer_size(model) - 1))
    expected = outputs(path.read_bytes(), inputs)
    for data in versions:
        actual = outputs(data, inputs)
        assert [value.tobytes() for value in actual] == [value.tobytes() for value in expected]
        assert [value.dtype for value in actual] == [value.dtype for value in expected]


@given(models)
def test_random_models_roundtrip(model: Model) -> None:
    check_roundtrip(model)


@given(models, st.binary(min_size=1, max_size=9))
def test_random_models_roundtrip_with_weights_outside(model: Model, weights: bytes) -> None:
    count = 1 + sum(1 for graph in model.subgraphs or [] for _ in graph.operators or []) + len(model.buffers or [])
    model.buffers = [*(model.buffers or []), Buffer(data=weights * 100 * count)]
    limit = len(write(model)) - 1
    data = write(model, flatbuffer_limit=limit)
    assert read(data) == model
    assert write(read(data), flatbuffer_limit=limit) == data
    assert write(read(data)) == write(model)


def check_against_generated(ours: Table, theirs: Any, where: str) -> None:
    for field in ours.FIELDS:
        if field.deprecated:
            continue
        mine = getattr(ours, field.name)
        parts = field.name.split("_")
        name = parts[0] + "".join(part[:1].upper() + part[1:] for part in parts[1:])
        other = getattr(theirs, name)
        place = f"{where}.{field.name}"
        if field.kind == "text":
            assert other == (None if mine is None else mine.encode()), place
        elif mine is None:
            assert other is None, place
        elif field.kind == "vector":
            values = (
                np.asarray(other, field.dtype) if isinstance(other, (list, np.ndarray)) else np.empty(0, field.dtype)
            )
            assert values.tobytes() == mine.tobytes(), place
        elif field.kind == "children":
            for index, (row, its) in enumerate(zip(mine, other, strict=True)):
                check_against_generated(row, its, f"{place}[{index}]")
        elif field.kind in ("child", "union"):
            assert type(other).__name__ == type(mine).__name__ + "T", place
            check_against_generated(mine, other, place)
        elif field.kind == "scalar" and field.storage == "float32":
            assert struct.pack("<f", mine) == struct.pack("<f", other), place
        else:
            assert mine == other, place


@given(models)
def test_generated_code_reads_the_same_values(model: Model) -> None:
    generated = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai-edge-litert is not installed")
    check_against_generated(model, generated.ModelT.InitFromPackedBuf(bytearray(write(model)), 0), "Model")


def every_field(table: type[Table]) -> Table:
    """An instance with every field present, at values that are not the defaults."""
    row = table()
    for field in table.FIELDS:
        if field.kind == "scalar" and field.name not in {name for f in table.OUTSIDE for name in f.outside}:
            setattr(row, field.name, 1 - field.default if field.storage in ("bool", "float32") else field.default + 7)
        elif field.kind == "text":
            setattr(row, field.name, f"{field.name} \N{GREEK SMALL LETTER PSI}")
        elif field.kind == "vector":
            setattr(row, field.name, np.array([1, 0, 1], field.dtype))
        elif field.kind == "child":
            setattr(row, field.name, every_field(field.of))
        elif field.kind == "children":
            setattr(row, field.name, [every_field(field.of), field.of()])
        elif field.kind == "union":
            setattr(row, field.name, every_field(TABLES[list(field.tag.enum)[1].name]))
    return row


@pytest.mark.parametrize("name", [name for name in TABLES if name.endswith("Options")])
def test_every_field_of_every_option_table(name: str) -> None:
    options = every_field(TABLES[name])
    first = name in BuiltinOptions.__members__
    operator = Operator(builtin_options=options) if first else Operator(builtin_options_2=options)
    model = Model(subgraphs=[SubGraph(operators=[operator])])
    data = check_roundtrip(model)
    generated = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai-edge-litert is not installed")
    check_against_generated(model, generated.ModelT.InitFromPackedBuf(bytearray(data), 0), "Model")


def test_every_field_of_the_model() -> None:
    model = every_field(Model)
    assert isinstance(model, Model)
    data = check_roundtrip(model)
    generated = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai-edge-litert is not installed")
    check_against_generated(model, generated.ModelT.InitFromPackedBuf(bytearray(data), 0), "Model")


def test_present_but_default_is_kept() -> None:
    absent, present = Conv2DOptions(), Conv2DOptions(padding=Padding.SAME, stride_w=0, dilation_w_factor=1)
    model = Model(subgraphs=[SubGraph(operators=[Operator(builtin_options=o) for o in (absent, present)])])
    check_roundtrip(model)
    operators = read(write(model)).subgraphs[0].operators
    assert [list(vars(row.builtin_options)) for row in operators] == [[], ["padding", "stride_w", "dilation_w_factor"]]


def test_empty_is_not_absent() -> None:
    model = Model(description="", buffers=[], metadata_buffer=[], subgraphs=[SubGraph(tensors=[Tensor(shape=[])])])
    again = read(check_roundtrip(model))
    assert (again.description, again.buffers, again.signature_defs) == ("", [], None)


def test_a_number_the_enum_does_not_know_is_kept() -> None:
    row: Any = Tensor()
    row.type = 99
    again = read(check_roundtrip(Model(subgraphs=[SubGraph(tensors=[row])]))).subgraphs[0].tensors[0]
    assert again.type == 99
    assert not isinstance(again.type, TensorType)


@pytest.mark.parametrize("limit", [2**31 - 1, 360])
def test_weights_are_aligned(limit: int) -> None:
    patterns = [bytes([index]) * (index + 17) for index in range(1, 6)]
    model = Model(buffers=[Buffer(), Buffer(data=b"")] + [Buffer(data=pattern) for pattern in patterns])
    operator = Operator(custom_options=b"\xfe" * 33)
    model.subgraphs = [SubGraph(operators=[operator])]
    data = check_roundtrip(model, limit)
    assert [data.index(pattern) % 16 for pattern in patterns] == [0] * 5
    if limit == 360:
        assert data.index(b"\xfe" * 33) % 16 == 0
        assert data.endswith(bytes(16))


def test_a_union_named_but_left_out_is_kept() -> None:
    operator = Operator()
    vars(operator)["builtin_options_type"] = BuiltinOptions.AddOptions
    model = read(check_roundtrip(Model(subgraphs=[SubGraph(operators=[operator])])))
    assert model.subgraphs[0].operators[0].builtin_options is None
    assert model.subgraphs[0].operators[0].builtin_options_type is BuiltinOptions.AddOptions


def test_placeholders_for_outside_data_are_kept_but_an_offset_cannot_be_set() -> None:
    check_roundtrip(Model(buffers=[Buffer(offset=1, size=1)]))
    with pytest.raises(FormatError, match=r"Buffer\.data: offset is worked out"):
        write(Model(buffers=[Buffer(offset=2, size=1)]))


def test_a_list_is_checked_when_it_is_written() -> None:
    model: Any = Model(subgraphs=[])
    model.subgraphs.append(Tensor())
    with pytest.raises(TypeError, match=r"Model\.subgraphs: expected a list of SubGraph, got Tensor"):
        write(model)
    wrong: Any = Tensor()
    with pytest.raises(TypeError, match="expected a Model"):
        write(wrong)


def test_equal_vtables_are_stored_once() -> None:
    sizes = [len(write(Model(buffers=[Buffer(offset=1) for _ in range(count)]))) for count in (1, 11)]
    assert sizes[1] - sizes[0] <= 10 * (4 + 4 + 8 + 4)  # offset in the list, vtable offset, the field, padding

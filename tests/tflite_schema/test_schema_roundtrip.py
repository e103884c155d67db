"""Read, write, read again: nothing is lost, nothing is added, and the bytes settle at once."""

from __future__ import annotations

import importlib
import io
import mmap
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tflite_schema.strategies import models
from tflite_schema import (
    TABLES,
    AddOptions,
    Buffer,
    BuiltinOptions,
    Conv2DOptions,
    FormatError,
    Limits,
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

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
FILES = sorted(SHARED.glob("*.tflite"))
needs_models = pytest.mark.skipif(not FILES, reason=f"no models in {SHARED}")


def presence(table: Table) -> Any:
    """Which fields are present, all the way down."""
    return {
        name: [presence(row) for row in value]
        if isinstance(value, list)
        else isinstance(value, Table) and presence(value)
        for name, value in vars(table).items()
    }


def check_alignment(data: bytes, table: type[Table] = Model, position: int | None = None) -> None:
    """Every scalar, offset, vtable and element lies at a multiple of its own size, weights at a multiple of 16."""

    def number(code: str, at: int) -> int:
        assert at % struct.calcsize(code) == 0
        value: int = struct.unpack_from("<" + code, data, at)[0]
        return value

    if position is None:
        position = number("I", 0)
    vtable = position - number("i", position)
    slots = (number("H", vtable) - 4) // 2
    tag = 0
    for field in table.FIELDS[:slots]:
        offset = number("H", vtable + 4 + 2 * field.slot)
        if not offset:
            continue
        at = position + offset
        assert at % field.width == 0, field.name
        if field.kind == "tag":
            tag = data[at]
        elif field.kind != "scalar":
            start = at + number("I", at)
            if field.kind == "vector":
                assert number("I", start) == 0 or (start + 4) % max(field.align, field.dtype.itemsize) == 0, field.name
            elif field.kind == "text":
                assert data[start + 4 + number("I", start)] == 0
            elif field.kind == "children":
                rows = range(start + 4, start + 4 + 4 * number("I", start), 4)
                for row in rows:
                    check_alignment(data, field.of, row + number("I", row))
            else:
                of = field.of if field.kind == "child" else TABLES[field.tag.enum(tag).name]
                check_alignment(data, of, start)


def check_roundtrip(model: Model, limit: int = 2**31 - 1) -> bytes:
    data = write(model, flatbuffer_limit=limit)
    check_alignment(data)
    again = read(data)
    assert again == model
    assert presence(again) == presence(model)
    assert write(again, flatbuffer_limit=limit) == data
    return data


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
@pytest.mark.parametrize("name", ["coral_mobilenet_v1_0.25_128_quant", "coral_tf2_mobilenet_v2_1.0_224_ptq"])
def test_the_labels_of_a_real_file_survive(name: str) -> None:
    data = write(read(SHARED / f"{name}.tflite").replace(description="shorter"))
    with zipfile.ZipFile(SHARED / f"{name}.tflite") as original, zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == original.namelist() != []
        assert [archive.read(entry) for entry in archive.namelist()] == [original.read(e) for e in original.namelist()]


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


def test_arrays_are_read_only_views_of_the_source() -> None:
    data = write(Model(buffers=[Buffer(data=bytes(range(64)))], metadata_buffer=[1, 2]))
    model = read(bytearray(data))
    for array in (model.buffers[0].data, model.metadata_buffer):
        assert array is not None
        assert not array.flags.owndata
        assert not array.flags.writeable
    assert data.index(bytes(range(64))) % 16 == 0


@pytest.mark.parametrize("limit", [2**31 - 1, 400])
def test_weights_are_aligned(limit: int) -> None:
    patterns = [bytes([index]) * (index + 17) for index in range(1, 6)]
    model = Model(buffers=[Buffer(), Buffer(data=b"")] + [Buffer(data=pattern) for pattern in patterns])
    operator = Operator(custom_options=b"\xfe" * 33)
    model.subgraphs = [SubGraph(operators=[operator])]
    data = check_roundtrip(model, limit)
    assert [data.index(pattern) % 16 for pattern in patterns] == [0] * 5
    if limit == 400:
        assert data.index(b"\xfe" * 33) % 16 == 0
        assert data.endswith(bytes(16))


def unknown_slot(table: str) -> bytes:
    """A model with one field more than the schema in `table`, written by the flatbuffers package itself."""
    builder = flatbuffers.Builder()

    def start(name: str, slots: int) -> None:
        builder.StartObject(slots + 3)
        if name == table:
            builder.PrependUint32Slot(slots + 2, 7, 0)

    start("Tensor", len(Tensor.FIELDS))
    builder.PrependUint32Slot(2, 5, 0)
    tensor = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    start("SubGraph", len(SubGraph.FIELDS))
    builder.PrependUOffsetTRelativeSlot(0, tensors, 0)
    graph = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    start("Model", len(Model.FIELDS))
    builder.PrependUOffsetTRelativeSlot(2, graphs, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("table", [Model, SubGraph, Tensor])
def test_an_unknown_slot_is_reported(table: type[Table]) -> None:
    data = unknown_slot(table.__name__)
    with pytest.raises(FormatError, match=rf"{table.__name__} at byte \d+: unknown slot {len(table.FIELDS) + 2}") as e:
        read(data)
    assert e.value.table == table.__name__
    assert read(data, unknown="drop") == Model(subgraphs=[SubGraph(tensors=[Tensor(buffer=5)])])
    assert read(unknown_slot("")).subgraphs[0].tensors[0].buffer == 5


def test_a_union_of_unknown_type_is_reported() -> None:
    data = bytearray(write(Model(subgraphs=[SubGraph(operators=[Operator(builtin_options=AddOptions())])])))
    data[data.index(bytes([BuiltinOptions.AddOptions]), 40)] = 200
    with pytest.raises(FormatError, match=r"Operator\.builtin_options at byte .* unknown type 200"):
        read(data)
    assert read(data, unknown="drop") == Model(subgraphs=[SubGraph(operators=[Operator()])])


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


def large_file(path: Path, size: int) -> None:
    """A file whose one weight, at its end, takes `size` bytes and no room on the disk."""
    data = bytearray(write(Model(description="large", buffers=[Buffer(), Buffer(data=b"\xabweights")])))
    start = data.index(b"\xabweights")
    struct.pack_into("<I", data, start - 4, size)
    path.write_bytes(data[:start])
    with path.open("r+b") as file:
        file.truncate(start + size)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the resident pages of a map are known on Linux only")
def test_opening_a_large_file_touches_only_its_structure(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    large_file(path, 100 * 2**20)
    model = read(path)
    lines = Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines()
    (start,) = (index for index, line in enumerate(lines) if line.endswith(str(path)))
    resident = next(int(line.split()[1]) for line in lines[start:] if line.startswith("Rss:"))
    assert 0 < resident <= 1024  # kB
    weights = model.buffers[1].data
    assert weights is not None
    assert len(weights) == 100 * 2**20
    del model
    assert not weights[-(2**20) :].any()  # the map lives as long as its arrays


def test_a_map_and_a_path_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    model = Model(description="small", buffers=[Buffer(data=b"abc")])
    path.write_bytes(write(model))
    assert read(path) == read(str(path)) == model
    with path.open("rb") as file:
        assert read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) == model
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="empty"):
        read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.tflite")


def test_limits_are_kept() -> None:
    data = write(Model(subgraphs=[SubGraph(tensors=[Tensor()] * 5)], metadata_buffer=[0] * 2000))
    assert len(read(data, limits=Limits(tables=7)).subgraphs[0].tensors) == 5
    with pytest.raises(FormatError, match="more than 6 tables"):
        read(data, limits=Limits(tables=6))
    assert read(data, limits=Limits(depth=3)) == read(data)
    with pytest.raises(FormatError, match="nested more than 2 deep"):
        read(data, limits=Limits(depth=2))
    with pytest.raises(FormatError, match="0 times its own size"):
        read(data, limits=Limits(expansion=0))


@pytest.mark.parametrize("weights", [0, 5000])
def test_files_appended_by_tflite_metadata_survive(tmp_path: Path, weights: int) -> None:
    """The archive stays sound although the model before it grows or shrinks, and its offsets count from the start."""
    path = tmp_path / "model.tflite"
    path.write_bytes(write(Model(description="labelled", buffers=[Buffer(data=b"\1" * 1000)])))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
        archive.writestr("vocabulary.txt", "a b c")
    model = read(path)
    assert model.appended is not None
    with zipfile.ZipFile(io.BytesIO(model.appended.tobytes())) as archive:
        assert archive.read("labels.txt") == b"cat\ndog\n"
    assert read(check_roundtrip(model)).description == "labelled"
    data = check_roundtrip(model.replace(buffers=[Buffer(data=b"\2" * weights)]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("vocabulary.txt") == b"a b c"
        assert archive.testzip() is None
    directory = data.index(b"PK\1\2")
    assert struct.unpack_from("<I", data, data.index(b"PK\5\6") + 16)[0] == directory
    assert data[struct.unpack_from("<I", data, directory + 42)[0] :].startswith(b"PK\3\4")


LOST_ARCHIVE = b"PK\1\2" + bytes(42) + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 100, 0)
"""An archive whose directory is said to be at byte 100 of a file, and its one entry at byte 0, outside the archive."""


@pytest.mark.parametrize(
    "tail", [b"tail", b"\0\0PK\5\6", b"PK\5\6" + b"\xff" * 18, b"PK\1\2PK\5\6" + b"\1\0" * 9, LOST_ARCHIVE]
)
def test_anything_else_appended_is_kept_as_it_is(tail: bytes) -> None:
    model = read(write(Model(description="x")) + tail)
    assert model.appended is not None
    assert model.appended.tobytes() == tail.lstrip(b"\0")
    check_roundtrip(model)
    assert read(write(Model(description="x")) + bytes(99)).appended is None


def test_what_is_dropped_is_not_taken_for_an_appended_file(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    data = bytearray(write(Model(subgraphs=[SubGraph(operators=[Operator(builtin_options=AddOptions())])])))
    data[data.index(bytes([BuiltinOptions.AddOptions]), 40)] = 200
    assert read(data, unknown="drop").appended is None
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat")
    appended = read(path, unknown="drop").appended
    assert appended is not None
    with zipfile.ZipFile(io.BytesIO(appended.tobytes())) as archive:
        assert archive.read("labels.txt") == b"cat"

"""Damaged and hostile bytes: read, or refused with FormatError; never anything else, and never at length."""

from __future__ import annotations

import mmap
import struct
import sys
from pathlib import Path

import flatbuffers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tflite_schema.checks import FILES, SHARED, needs_models
from tflite_schema import (
    AddOptions,
    Buffer,
    BuiltinOptions,
    FormatError,
    Limits,
    Model,
    Operator,
    OperatorCode,
    QuantizationParameters,
    ReshapeOptions,
    SoftmaxOptions,
    SubGraph,
    Table,
    Tensor,
    read,
    write,
)

DAMAGED = sorted((SHARED / "damaged").glob("*.tflite"))
SMALL = [path for path in FILES if path.stem.startswith("tflm_")]
many = settings(max_examples=max(300, settings.default.max_examples if settings.default else 0))


def small_model() -> bytes:
    """Every kind of field once, in about 600 bytes, with the weights after the flatbuffer."""
    quantization = QuantizationParameters(scale=[0.5, 0.25], zero_point=[3, -3])
    tensors = [Tensor(name="x", shape=[1, 2], is_variable=True, quantization=quantization), Tensor(buffer=1)]
    operators = [
        Operator(inputs=[0], outputs=[1], builtin_options=ReshapeOptions(new_shape=[2, 1]), custom_options=b"options"),
        Operator(builtin_options=SoftmaxOptions(beta=1.5), mutating_variable_inputs=[True, False]),
    ]
    model = Model(
        version=3,
        description="small",
        operator_codes=[OperatorCode(custom_code="code")],
        subgraphs=[SubGraph(tensors=tensors, operators=operators, name="main")],
        buffers=[Buffer(), Buffer(data=b"weights" * 30)],
    )
    return write(model, flatbuffer_limit=len(write(model)) - 1)


def check(data: bytes | bytearray) -> bool:
    """Read `data`; what is read must also be written, and settle."""
    try:
        model = read(data, limits=Limits(tables=10_000))
    except FormatError:
        return False
    again = write(model)
    assert write(read(again)) == again
    return True


def edits(data: bytes, values: str) -> int:
    """Every byte changed, one at a time; how many of the results could still be read."""
    sound = 0
    for index, byte in enumerate(data):
        few = (0, 255, byte ^ 1, byte ^ 128, (byte + 4) % 256, (byte - 4) % 256)
        for value in range(256) if values == "all" else few:
            edited = bytearray(data)
            edited[index] = value
            sound += check(edited)
    return sound


def test_every_prefix_is_refused() -> None:
    data = small_model()
    structure = data.index(b"options") + len(b"options")  # the last data stored; padding follows
    read(data[:structure])
    for length in range(structure):
        with pytest.raises(FormatError):
            read(data[:length])


@pytest.mark.parametrize("values", ["few", pytest.param("all", marks=pytest.mark.conformance)])
def test_every_byte_edited(values: str) -> None:
    data = small_model()
    count = edits(data, values)
    assert 0 < count < len(data) * (256 if values == "all" else 6)


@needs_models
@pytest.mark.conformance
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_byte_of_a_real_file_edited(path: Path) -> None:
    data = path.read_bytes()
    edits(data[:4000] if len(data) < 4000 else data[:1000], "few")
    for length in range(len(data)):
        check(data[:length])


@many
@given(st.data())
def test_random_damage(draw: st.DataObject) -> None:
    data = bytearray(draw.draw(st.sampled_from([small_model(), *(path.read_bytes() for path in SMALL[:2])])))
    position = st.integers(0, len(data) - 1)
    for index, chunk in draw.draw(st.lists(st.tuples(position, st.binary(min_size=1, max_size=8)), max_size=6)):
        data[index : index + len(chunk)] = chunk
    for index, value in draw.draw(st.lists(st.tuples(position, st.integers(0, 2**32 - 1)), max_size=3)):
        data[index // 4 * 4 : index // 4 * 4 + 4] = struct.pack("<I", value)
    check(data)


@many
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    check(data)
    check(b"\x0c\x00\x00\x00TFL3" + data)


@pytest.mark.skipif(not DAMAGED, reason=f"no damaged models in {SHARED}")
@pytest.mark.parametrize("path", DAMAGED, ids=lambda path: path.stem)
def test_damaged_files_are_refused_with_the_place(path: Path) -> None:
    with pytest.raises(FormatError, match="no UTF-8") as caught:
        read(path)
    assert caught.value.table in ("SignatureDef", "Tensor", "TensorMap")
    assert caught.value.field in ("signature_key", "name")
    offset = caught.value.offset
    assert offset is not None
    with pytest.raises(UnicodeDecodeError):
        path.read_bytes()[offset : offset + 1].decode()


@pytest.mark.parametrize("identifier", [b"TFL2", b"\0\0\0\0", b"tfl3"])
def test_another_identifier_is_refused(identifier: bytes) -> None:
    data = bytearray(small_model())
    data[4:8] = identifier
    with pytest.raises(FormatError, match="identifier"):
        read(data)


def shared_rows(rows: int, elements: int) -> bytes:
    """One tensor with one long shape, listed `rows` times."""
    builder = flatbuffers.Builder()
    builder.StartVector(4, elements, 4)
    for _ in range(elements):
        builder.PrependInt32(1)
    shape = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, shape, 0)
    tensor = builder.EndObject()
    builder.StartVector(4, rows, 4)
    for _ in range(rows):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, tensors, 0)
    graph = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(2, graphs, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


def test_shared_tables_are_read_but_do_not_blow_up() -> None:
    assert read(shared_rows(5, 100)).subgraphs[0].tensors[4] == Tensor(shape=[1] * 100)
    with pytest.raises(FormatError, match="16 times its own size"):
        read(shared_rows(1000, 1000))


def nested_offsets(field: bytes) -> bytes:
    """A model whose list of subgraphs is `field`: a count and offsets that lead where they should not."""
    header = struct.pack("<I4sHHHHHHI", 20, b"TFL3", 10, 8, 0, 0, 4, 0, 0)[:20]
    return header + struct.pack("<iI", 12, 4) + field


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (struct.pack("<I", 2**32 - 1), "4294967295 elements reach past the end"),
        (struct.pack("<I", 5), "5 elements reach past the end"),
        (struct.pack("<II", 1, 0), "a row is missing"),
        (struct.pack("<II", 1, 2**32 - 1), "SubGraph at byte .* lies past the end"),
        (struct.pack("<IIi", 1, 4, 2**31 - 1), "vtable at byte -.* lies outside"),
        (struct.pack("<IIi", 1, 4, -(2**31)), "vtable at byte .* lies outside"),
        (struct.pack("<IIiHH", 1, 4, -4, 2, 4), "unsound length of 2"),
        (struct.pack("<IIiHHB", 1, 4, -4, 5, 4, 0), "unsound length of 5"),
        (struct.pack("<IIiHH", 1, 4, -4, 4, 3), "its 3 bytes do not lie inside"),
        (struct.pack("<IIiHH", 1, 4, -4, 4, 999), "its 999 bytes do not lie inside"),
        (struct.pack("<IIiHHHI", 1, 4, -4, 6, 8, 3, 0), "tensors at byte .* does not lie inside its table"),
        (struct.pack("<IIiHHH", 1, 4, -4, 6, 4, 4), "tensors at byte .* does not lie inside its table"),
    ],
)
def test_offsets_that_lead_astray(field: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read(nested_offsets(field))


def test_offsets_that_do_not() -> None:
    assert read(nested_offsets(struct.pack("<IIiHH", 1, 4, -4, 4, 4))) == Model(subgraphs=[SubGraph()])


def test_misaligned_vectors_are_copied() -> None:
    data = bytearray(write(Model(metadata_buffer=[1, -2, 3])))
    at = data.index(struct.pack("<Iiii", 3, 1, -2, 3))
    data[at : at + 16] = b"\0" + data[at : at + 16]
    field = next(i for i in range(8, at, 4) if struct.unpack_from("<I", data, i)[0] == at - i)
    struct.pack_into("<I", data, field, at + 1 - field)
    array = read(data).metadata_buffer
    assert array is not None
    assert array.tolist() == [1, -2, 3]
    assert array.flags.aligned
    assert not array.flags.writeable


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


def test_values_that_cannot_be_kept_are_refused() -> None:
    softmax = SubGraph(operators=[Operator(builtin_options=SoftmaxOptions(beta=1.2345))])
    data = write(Model(subgraphs=[softmax]))
    quiet, signalling = struct.pack("<I", 0x7FC00001), struct.pack("<I", 0x7F800001)
    beta = struct.pack("<f", 1.2345)
    assert write(read(patched(data, beta, quiet))) == patched(data, beta, quiet)
    with pytest.raises(FormatError, match="signalling NaN"):
        read(patched(data, beta, signalling))
    variable = write(Model(subgraphs=[SubGraph(tensors=[Tensor(is_variable=True)])]))
    assert variable[-4:] == b"\1\0\0\0"
    with pytest.raises(FormatError, match=r"Tensor\.is_variable at byte \d+: 2 is no truth value"):
        read(variable[:-4] + b"\2\0\0\0")
    mutating = write(Model(subgraphs=[SubGraph(operators=[Operator(mutating_variable_inputs=[True] * 7)])]))
    with pytest.raises(FormatError, match="a byte is no truth value"):
        read(patched(mutating, b"\1" * 7, b"\1" * 6 + b"\2"))


def test_data_both_inside_and_outside_is_refused() -> None:
    data = write(Model(buffers=[Buffer(data=b"inside", offset=1, size=1)]))
    one = struct.pack("<Q", 1)
    with pytest.raises(FormatError, match="stored both here and at byte 16"):
        read(data.replace(one, struct.pack("<Q", 16), 1))


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1, 10**6])
def test_outside_data_must_lie_inside_the_file(offset: int) -> None:
    data = write(Model(buffers=[Buffer(offset=1, size=0)]))
    with pytest.raises(FormatError, match="reach past the end"):
        read(patched(data, struct.pack("<Q", 1), struct.pack("<Q", offset)))


def test_arrays_are_read_only_views_of_the_source() -> None:
    data = write(Model(buffers=[Buffer(data=bytes(range(64)))], metadata_buffer=[1, 2]))
    model = read(bytearray(data))
    for array in (model.buffers[0].data, model.metadata_buffer):
        assert array is not None
        assert not array.flags.owndata
        assert not array.flags.writeable
    assert data.index(bytes(range(64))) % 16 == 0


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

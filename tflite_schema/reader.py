"""Bytes to tables: every offset is checked, vectors are views, and nothing unknown is dropped in silence.

A flatbuffer table begins with a signed offset back to its vtable, which lists for every slot where the field lies
inside the table (0: absent). Strings, vectors and tables lie elsewhere, at an unsigned offset from the field. None of
these numbers is trusted here; anything unsound raises FormatError and nothing else.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np

from tflite_schema.archive import BEGIN, detach
from tflite_schema.field import TABLES, FormatError
from tflite_schema.table import Table
from tflite_schema.tables import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    Source: TypeAlias = bytes | bytearray | memoryview | mmap.mmap | str | os.PathLike[str]

IDENTIFIER = b"TFL3"
_OUTSIDE_MINIMUM = 2  # an offset of 0 or 1 says that the data is not stored after the flatbuffer
_uint16_pair = struct.Struct("<HH").unpack_from
_uint32 = struct.Struct("<I").unpack_from
_int32 = struct.Struct("<i").unpack_from


class Limits(NamedTuple):
    """What a file may ask of its reader.

    `expansion`: tables and vectors may be referred to from several places, and count once for each; all of them
    together may be this many times the size of the file.
    """

    depth: int = 64
    tables: int = 1_000_000
    expansion: int = 16


def read(source: Source, *, unknown: Literal["error", "drop"] = "error", limits: Limits | None = None) -> Model:
    """The tables of a .tflite file, given as its bytes or its path.

    Numeric vectors are read-only little-endian views of `source`; a path is mapped into memory, so opening a large file
    touches only its structure. The map lives as long as an array does; until then the file must not be truncated.

    A field this declaration does not know, or a union holding a table it does not know, raises FormatError unless
    `unknown="drop"`. An enum value it does not know is kept as a plain int. Data stored after the flatbuffer
    (`Buffer.offset`, `Operator.large_custom_options_offset`) is read into `data` and `custom_options` like any other.
    What follows the last byte referred to, such as a ZIP archive of associated files, is kept in `Model.appended`.

    Raises FormatError if the bytes are unsound, OSError if the path cannot be opened.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise FormatError("the file is empty")
            source = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return _Reader(memoryview(source).toreadonly().cast("B"), unknown == "drop", limits or Limits()).model()


class _Reader:
    def __init__(self, buffer: memoryview, drop: bool, limits: Limits) -> None:
        self.buffer = buffer
        self.size = len(buffer)
        self.drop = drop
        self.limits = limits
        self.tables = limits.tables
        self.budget = limits.expansion * self.size + 4096
        self.dropped = False
        self.end = 0  # of what the flatbuffer is known to refer to
        self.vtables: dict[int, tuple[int, Sequence[int]]] = {}
        self.address = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0] if self.size else 0
        self.readers: dict[str, Callable[[Any, int, int], Any]] = {
            "scalar": self.scalar,
            "tag": self.tag,
            "text": self.text,
            "vector": self.vector,
            "child": self.child,
            "children": self.children,
        }

    def model(self) -> Model:
        if self.size < 12:
            raise FormatError(f"{self.size} bytes are too few for a .tflite file")
        if self.buffer[4:8] != IDENTIFIER:
            raise FormatError(f"file identifier is {bytes(self.buffer[4:8])!r}, expected {IDENTIFIER!r}", offset=4)
        model = cast("Model", self.table(Model, _uint32(self.buffer, 0)[0], 1))
        model.appended = self.rest()
        return model

    def rest(self) -> bytes | None:
        """What follows everything the flatbuffer refers to, without the padding before it."""
        view = np.frombuffer(self.buffer, np.uint8)[self.end :]
        if not view.any():
            return None
        data = view[(view != 0).argmax() :].tobytes()
        if self.dropped:  # what was dropped may lie here
            data = data[data.find(BEGIN) :] if BEGIN in data else b""
        return detach(data) or None

    def spend(self, count: int, place: Any, at: int) -> None:
        self.budget -= count
        if self.budget < 0:
            raise place.format_error(f"the file refers to more than {self.limits.expansion} times its own size", at)

    def table(self, cls: type[Table], position: int, depth: int) -> Table:
        def error(problem: str, slot: int | None = None) -> FormatError:
            name = None if slot is None else cls.FIELDS[slot].name
            return FormatError(problem, table=cls.__name__, field=name, offset=position)

        if depth > self.limits.depth:
            raise error(f"tables are nested more than {self.limits.depth} deep")
        self.tables -= 1
        if self.tables < 0:
            raise error(f"more than {self.limits.tables} tables")
        if position + 4 > self.size:
            raise error(f"lies past the end of the file ({self.size} bytes)")
        start = position - _int32(self.buffer, position)[0]
        if start not in self.vtables:
            self.vtables[start] = self.vtable(start, error)
        extent, offsets = self.vtables[start]
        if extent < 4 or position + extent > self.size:
            raise error(f"its {extent} bytes do not lie inside the file")
        self.end = max(self.end, position + extent)
        self.budget -= extent
        if self.budget < 0:
            raise error(f"the file refers to more than {self.limits.expansion} times its own size")
        if len(offsets) > len(cls.FIELDS):
            self.unknown(
                error(f"unknown slot {len(offsets) - 1}; the declaration ends with slot {len(cls.FIELDS) - 1}")
            )
        values: dict[str, Any] = {}
        for field, offset in zip(cls.FIELDS, offsets, strict=False):
            if not offset:
                continue
            if offset < 4 or offset + field.width > extent:
                raise field.format_error("does not lie inside its table", position)
            if field.kind == "union":
                self.union(field, position + offset, depth, values)
            else:
                values[field.name] = self.readers[field.kind](field, position + offset, depth)
        for field in cls.OUTSIDE:
            self.outside(field, values, position)
        table = cls.__new__(cls)
        vars(table).update(values)
        return table

    def vtable(self, start: int, error: Callable[[str], FormatError]) -> tuple[int, Sequence[int]]:
        """Size of the table, and where each slot lies in it, up to the last one present."""
        if start < 0 or start + 4 > self.size:
            raise error(f"its vtable at byte {start} lies outside the file")
        length, extent = _uint16_pair(self.buffer, start)
        if length < 4 or length % 2 or start + length > self.size:
            raise error(f"its vtable at byte {start} has an unsound length of {length} bytes")
        self.end = max(self.end, start + length)
        self.budget -= length
        offsets = list(struct.unpack_from(f"<{(length - 4) // 2}H", self.buffer, start + 4))
        while offsets and not offsets[-1]:
            offsets.pop()
        return extent, offsets

    def scalar(self, field: Any, at: int, depth: int) -> Any:
        (value,) = field.struct.unpack_from(self.buffer, at)
        if field.storage == "bool":
            if value > 1:
                raise field.format_error(f"{value} is no truth value", at)
            return bool(value)
        if value != value and field.struct.pack(value) != self.buffer[at : at + 4]:
            raise field.format_error("a signalling NaN cannot be kept", at)
        return field.members.get(value, value)

    def tag(self, field: Any, at: int, depth: int) -> Any:
        value = self.buffer[at]
        return field.members.get(value, value)

    def follow(self, field: Any, at: int) -> int:
        """The position of what lies elsewhere; at least its first four bytes are inside the file."""
        (distance,) = _uint32(self.buffer, at)
        if not distance or at + distance + 4 > self.size:
            raise field.format_error(f"offset {distance} leads out of the file ({self.size} bytes)", at)
        return at + int(distance)

    def extent(self, field: Any, at: int, width: int) -> tuple[int, int]:
        """Where the elements of a string or vector begin, and how many there are."""
        start = self.follow(field, at)
        (count,) = _uint32(self.buffer, start)
        if start + 4 + count * width > self.size:
            raise field.format_error(f"{count} elements reach past the end of the file ({self.size} bytes)", start)
        self.end = max(self.end, start + 4 + count * width)
        self.spend(4 + count * width, field, start)
        return start + 4, count

    def text(self, field: Any, at: int, depth: int) -> str:
        start, count = self.extent(field, at, 1)
        try:
            return str(self.buffer[start : start + count], "utf-8")
        except UnicodeDecodeError as error:
            raise field.format_error(f"no UTF-8: {error.reason}", start + error.start) from None

    def vector(self, field: Any, at: int, depth: int) -> NDArray[Any]:
        start, count = self.extent(field, at, field.dtype.itemsize)
        return self.view(field, start, count)

    def view(self, field: Any, start: int, count: int) -> NDArray[Any]:
        if not count:
            array = np.empty(0, field.dtype)
        else:
            array = np.frombuffer(self.buffer, field.dtype, count, start)
            if (self.address + start) % field.dtype.itemsize:
                array = array.copy()  # misaligned in the file; whoever uses it should not have to care
        if field.dtype == np.bool_ and count and array.view(np.uint8).max() > 1:
            raise field.format_error("a byte is no truth value", start)
        array.setflags(write=False)
        return array

    def child(self, field: Any, at: int, depth: int) -> Table:
        return self.table(field.of, self.follow(field, at), depth + 1)

    def children(self, field: Any, at: int, depth: int) -> list[Table]:
        start, count = self.extent(field, at, 4)
        if count > self.tables:
            raise field.format_error(f"more than {self.limits.tables} tables", start)
        distances = struct.unpack_from(f"<{count}I", self.buffer, start)
        positions = range(start, start + 4 * count, 4)
        if 0 in distances:
            raise field.format_error("a row is missing", start)
        return [
            self.table(field.of, position + distance, depth + 1)
            for position, distance in zip(positions, distances, strict=True)
        ]

    def union(self, field: Any, at: int, depth: int, values: dict[str, Any]) -> None:
        tag = values.pop(field.tag.name, field.tag.default)
        cls = TABLES.get(getattr(tag, "name", ""))
        if cls is not None:
            values[field.name] = self.table(cls, self.follow(field, at), depth + 1)
        else:
            self.unknown(field.format_error(f"holds a table of unknown type {int(tag)}", at))

    def unknown(self, error: FormatError) -> None:
        if not self.drop:
            raise error
        self.dropped = True

    def outside(self, field: Any, values: dict[str, Any], position: int) -> None:
        offset_name, size_name = field.outside
        start = values.get(offset_name, 0)
        if start < _OUTSIDE_MINIMUM:
            return
        if len(values.get(field.name, ())):
            raise field.format_error(f"is stored both here and at byte {start}", position)
        count = values.get(size_name, 0)
        if start + count > self.size:
            raise field.format_error(f"{count} bytes at byte {start} reach past the end of the file", position)
        self.end = max(self.end, start + count)
        self.spend(count, field, position)
        values[field.name] = self.view(field, start, count)
        values.pop(offset_name, None)
        values.pop(size_name, None)

"""Tables to bytes, front to back: the structure first, aligned data (weights) after it, each with the table it is in.

A flatbuffer refers forward, so a table is placed before what it refers to, and the offset is filled in when that is
placed. Equal vtables are stored once. The result depends only on the fields present and their values.

Written here in plain bytes, not with the Builder of the `flatbuffers` package: that one builds back to front in a
buffer it doubles and copies as it grows, and cannot put the weights last or outside. Here every vector is copied once,
when the pieces are joined, and a file costs its own size in memory and no more.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from tflite_schema.archive import attach
from tflite_schema.field import FormatError
from tflite_schema.reader import IDENTIFIER
from tflite_schema.table import Table
from tflite_schema.tables import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLATBUFFER_LIMIT = 2**31 - 1
"""The size in bytes that no flatbuffer may exceed."""

_ALIGNMENT = 16  # of weights, and of everything stored after the flatbuffer


def write(model: Model, *, flatbuffer_limit: int = FLATBUFFER_LIMIT) -> bytes:
    """The bytes of a .tflite file.

    When the flatbuffer would be larger than `flatbuffer_limit`, the data of buffers and custom options is stored after
    it, each piece at a multiple of 16, found by `Buffer.offset` and `Operator.large_custom_options_offset`.

    Raises FormatError if a value does not fit its field or the structure alone exceeds the limit, TypeError if a list
    holds a table of the wrong type.
    """
    if not isinstance(model, Model):
        raise TypeError(f"expected a Model, got {type(model).__name__}")
    try:
        return _Writer(flatbuffer_limit, outside=False).model(model)
    except _TooLarge:
        pass
    try:
        return _Writer(flatbuffer_limit, outside=True).model(model)
    except _TooLarge:
        raise FormatError(f"the model is larger than {flatbuffer_limit} bytes even without its weights") from None


class _TooLarge(Exception):  # noqa: N818 - no error, the sign to store the weights outside
    pass


class _Writer:
    def __init__(self, limit: int, outside: bool) -> None:
        self.limit = limit
        self.store_outside = outside
        self.pieces: list[bytes | bytearray | memoryview] = []
        self.size = 0
        self.vtables: dict[bytes, int] = {}
        # Whatever is still to be placed: (piece that refers to it, where in the piece, position of that, field, value).
        self.structure: deque[tuple[bytearray, int, int, Any, Any]] = deque()
        self.weights: deque[tuple[bytearray, int, int, Any, Any]] = deque()
        self.after: list[tuple[bytearray, int, int, NDArray[Any]]] = []

    def model(self, model: Model) -> bytes:
        header = bytearray(4)
        self.put(header)
        self.put(IDENTIFIER)
        struct.pack_into("<I", header, 0, self.table(model))
        while queue := self.structure or self.weights:
            piece, index, position, field, value = queue.popleft()
            struct.pack_into("<I", piece, index, self.place(field, value) - position)
        self.align(4)
        if self.size > self.limit:
            raise _TooLarge
        for piece, offset_index, size_index, data in self.after:
            self.align(_ALIGNMENT)
            struct.pack_into("<Q", piece, offset_index, self.size)
            struct.pack_into("<Q", piece, size_index, data.nbytes)
            self.put(data.data.cast("B"))
        if self.after:
            self.put(bytes(_ALIGNMENT))  # fast kernels read a little past the end of the last weight
        if model.appended is not None:
            self.align(4)
            self.put(attach(model.appended.tobytes(), self.size))
        return b"".join(self.pieces)

    def put(self, piece: bytes | bytearray | memoryview) -> int:
        position = self.size
        self.pieces.append(piece)
        self.size += len(piece)
        return position

    def align(self, alignment: int, ahead: int = 0) -> None:
        """Pad so that what follows `ahead` more bytes begins at a multiple of `alignment`."""
        padding = -(self.size + ahead) % alignment
        if padding:
            self.put(bytes(padding))

    def place(self, field: Any, value: Any) -> int:
        if self.size > self.limit:
            raise _TooLarge
        if field.kind == "vector":
            self.align(max(field.align, 4), ahead=4)
            position = self.put(struct.pack("<I", len(value)))
            if len(value):
                self.put(value.data.cast("B"))
            return position
        if field.kind == "text":
            text = value.encode()
            self.align(4)
            return self.put(struct.pack("<I", len(text)) + text + b"\0")
        if field.kind == "children":
            return self.children(field, value)
        return self.table(value)

    def children(self, field: Any, rows: list[Table]) -> int:
        field.accept(rows)  # the list may have changed since it was set
        self.align(4)
        piece = bytearray(4 + 4 * len(rows))
        struct.pack_into("<I", piece, 0, len(rows))
        position = self.put(piece)
        for index, row in zip(range(4, len(piece), 4), rows, strict=True):
            # A table just before its own weights lies where there would be padding.
            queue = self.weights if self.holds_weights(row) else self.structure
            queue.append((piece, index, position + index, _ROW, row))
        return position

    def holds_weights(self, table: Table) -> bool:
        return not self.store_outside and any(map(_is_weights, (table._by_name[name] for name in vars(table))))

    def table(self, table: Table) -> int:
        values = self.fields(table)
        offsets = [0] * len(table.FIELDS)
        extent = 4
        for field in table.BY_WIDTH:
            if field.name in values:
                offsets[field.slot] = extent
                extent += field.width
        while offsets and not offsets[-1]:
            offsets.pop()
        vtable = struct.pack(f"<{2 + len(offsets)}H", 4 + 2 * len(offsets), extent, *offsets)
        if vtable not in self.vtables:
            self.align(2)
            self.vtables[vtable] = self.put(vtable)
        self.align(max((field.width for field in table.BY_WIDTH if field.name in values), default=4), ahead=4)
        self.align(4)
        piece = bytearray(extent)
        position = self.put(piece)
        struct.pack_into("<i", piece, 0, position - self.vtables[vtable])
        for name, value in values.items():
            field = table._by_name[name]
            index = offsets[field.slot]
            if field.kind == "scalar":
                field.struct.pack_into(piece, index, value)
            elif field.kind == "tag":
                piece[index] = value
            else:
                later = (piece, index, position + index, field, value)
                if _is_weights(field):
                    self.weights.appendleft(later)
                else:
                    self.structure.append(later)
        for field in table.OUTSIDE:
            data = self.stored_after(table, field)
            if data is not None:
                offset_index, size_index = (offsets[table._by_name[name].slot] for name in field.outside)
                self.after.append((piece, offset_index, size_index, data))
        return position

    def fields(self, table: Table) -> dict[str, Any]:
        """The fields to write, in slot order, with the tags that follow from their unions."""
        present = vars(table)
        values: dict[str, Any] = {}
        for field in table.FIELDS:
            if field.kind == "union" and field.name in present:
                values[field.tag.name] = getattr(table, field.tag.name)
            if field.name in present:
                values[field.name] = present[field.name]
        for field in table.OUTSIDE:
            if values.get(field.outside[0], 0) > 1:
                raise field.format_error(f"{field.outside[0]} is worked out when written and cannot be set")
            if self.stored_after(table, field) is not None:
                del values[field.name]
                values.update(dict.fromkeys(field.outside, 0))
        return values

    def stored_after(self, table: Table, field: Any) -> NDArray[Any] | None:
        data = vars(table).get(field.name)
        return data if self.store_outside and data is not None and len(data) else None


def _is_weights(field: Any) -> bool:
    return field.kind == "vector" and field.align == _ALIGNMENT


class _Row:
    kind = "child"


_ROW = _Row()

# ruff: noqa: D102 - `accept` is documented once, in Field
"""The few kinds of field a table may have, and what each accepts.

Scalar    int, float, bool, or a member of an IntEnum. A number the enum does not know stays a plain int, so that a
file newer than this declaration is read and written without loss.
Text      str
Vector    NumPy array, one dimension, little-endian
Child     another table
Children  list of tables
Tag       the number saying which table a union holds; follows from the union and cannot be set
Union     one of several tables
Appended  no slot at all: bytes that follow everything else in the file
"""

from __future__ import annotations

import operator
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from enum import IntEnum

    from numpy.typing import NDArray

    from tflite_schema.table import Table

TABLES: dict[str, type[Table]] = {}
"""Every declared table by name."""


class FormatError(ValueError):
    """The bytes are no sound .tflite file, or a value does not fit the field it is meant for.

    `table` and `field` name the place in the schema, `offset` is the position in the file; each may be None.
    """

    def __init__(self, problem: str, *, table: str | None = None, field: str | None = None, offset: int | None = None):
        place = ".".join(name for name in (table, field) if name)
        if offset is not None:
            place = f"{place or 'file'} at byte {offset}"
        super().__init__(f"{place}: {problem}" if place else problem)
        self.table = table
        self.field = field
        self.offset = offset


Kind = Literal["scalar", "text", "vector", "child", "children", "tag", "union", "appended"]


class Field:
    """One slot of a table: its kind, the bytes it takes inside the table, and its default."""

    kind: ClassVar[Kind]
    width = 4  # an offset, unless the kind says otherwise
    default: Any = None
    deprecated = False
    table = ""
    name = ""
    slot = -1

    def bind(self, table: str, name: str, slot: int) -> None:
        """Learn the place in the schema."""
        self.table, self.name, self.slot = table, name, slot

    def accept(self, value: Any) -> Any:
        """`value` as the field holds it. Raises TypeError (wrong kind) or FormatError (out of range)."""
        raise NotImplementedError

    def type_error(self, expected: str, value: object) -> TypeError:
        """The error for a value of the wrong kind."""
        return TypeError(f"{self.table}.{self.name}: expected {expected}, got {type(value).__name__}")

    def format_error(self, problem: str, offset: int | None = None) -> FormatError:
        """The error for a value, or bytes, that this field cannot hold."""
        return FormatError(problem, table=self.table, field=self.name, offset=offset)


class Scalar(Field):
    """A number, a truth value or a member of an enum, stored inside the table."""

    kind = "scalar"

    def __init__(self, storage: str, code: str, default: Any, deprecated: bool = False) -> None:
        self.storage = storage
        self.struct = struct.Struct("<" + code)
        self.width = self.struct.size
        self.default = default
        self.deprecated = deprecated
        enum = type(default)
        self.enum: type[IntEnum] | None = None if enum in (int, float, bool) else enum
        self.members: dict[Any, Any] = {} if self.enum is None else self.enum._value2member_map_

    def accept(self, value: Any) -> Any:
        if self.storage == "float32":
            return self._float(value)
        try:
            number = operator.index(bool(value) if isinstance(value, np.bool_) else value)
        except TypeError:
            raise self.type_error(self.storage, value) from None
        if self.storage == "bool":
            if number not in (0, 1):
                raise self.format_error(f"{value!r} is no truth value")
            return bool(number)
        try:
            self.struct.pack(number)
        except struct.error:
            raise self.format_error(f"{value!r} does not fit {self.storage}") from None
        return self.members.get(number, number)

    def _float(self, value: Any) -> float:
        try:
            nearest: float = self.struct.unpack(self.struct.pack(value))[0]
        except OverflowError:
            raise self.format_error(f"{value!r} does not fit float32") from None
        except struct.error:
            raise self.type_error("a number", value) from None
        return nearest


class Text(Field):
    """A string."""

    kind = "text"

    def __init__(self, deprecated: bool = False) -> None:
        self.deprecated = deprecated

    def accept(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.type_error("str", value)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self.format_error(f"no UTF-8 for {value!r}: {error.reason}") from None
        return value


class VectorField(Field):
    """`align`: the elements begin at a multiple of it. `outside`: the fields (offset, size) that say where the data
    lies when it is stored after the flatbuffer.
    """

    kind: ClassVar[Kind] = "vector"

    def __init__(self, dtype: type[np.generic], align: int = 1, outside: tuple[str, str] | None = None) -> None:
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.align = max(align, self.dtype.itemsize)
        self.outside = outside

    def accept(self, value: Any) -> NDArray[Any]:
        if isinstance(value, (bytes, bytearray, memoryview)) and self.dtype == np.uint8:
            return np.frombuffer(value, np.uint8)
        array = np.asarray(value)
        if array.ndim != 1:
            raise self.format_error(f"expected one dimension, got shape {array.shape}")
        if array.dtype == self.dtype or not array.size:
            return np.ascontiguousarray(array, self.dtype)
        if array.dtype.kind not in ("iufb" if self.dtype.kind == "f" else "iub"):
            raise self.type_error(f"numbers for {self.dtype.name}", value)
        with np.errstate(over="ignore"):
            converted = array.astype(self.dtype)
        if self.dtype.kind != "f" and not np.array_equal(converted, array):
            raise self.format_error(f"a value does not fit {self.dtype.name}")
        return converted


class Appended(VectorField):
    """Bytes after everything else in the file. Not a slot, so not among FIELDS, but otherwise a vector like any."""

    kind = "appended"


class Child(Field):
    """A table of one type."""

    kind = "child"

    def __init__(self, table: type[Table]) -> None:
        self.of = table

    def accept(self, value: Any) -> Table:
        if type(value) is not self.of:
            raise self.type_error(self.of.__name__, value)
        return value


class Children(Field):
    """A list of tables of one type."""

    kind = "children"

    def __init__(self, table: type[Table]) -> None:
        self.of = table

    def accept(self, value: Any) -> list[Table]:
        rows: list[Table] = value if isinstance(value, list) else list(value)
        for row in rows:
            if type(row) is not self.of:
                raise self.type_error(f"a list of {self.of.__name__}", row)
        return rows


class Tag(Field):
    """The number saying which table the union after it holds."""

    kind = "tag"
    width = 1

    def __init__(self, enum: type[IntEnum]) -> None:
        self.enum = enum
        self.default = enum(0)
        self.members: dict[Any, Any] = enum._value2member_map_

    def accept(self, value: Any) -> Any:
        raise AttributeError(f"{self.table}.{self.name} follows from the table set and cannot be set itself")


class Union(Field):
    """A table of one of several types, named by the tag before it."""

    kind = "union"
    tag: Tag

    def accept(self, value: Any) -> Table:
        name = type(value).__name__
        if name not in self.tag.enum.__members__ or TABLES.get(name) is not type(value):
            raise self.type_error(f"a table of {self.tag.enum.__name__}", value)
        return value

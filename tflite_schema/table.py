# ruff: noqa: D102, D103 - `accept` is documented by Field, the words of a declaration by its module
"""What a table is, and the few kinds of field it may have.

A table is declared by a class body with one field to a line, in slot order (see `tables.py`). An instance keeps in its
`__dict__` exactly the fields that are present in the file: what is set is written, even when it equals the default;
what is not set reads as the default (None for vectors, strings and tables) and is not written. `del table.field`, or
setting None, makes a field absent again.

    Scalar    int, float, bool, or a member of an IntEnum. A number the enum does not know stays a plain int, so that a
              file newer than this declaration is read and written without loss.
    Text      str
    Vector    NumPy array, one dimension, little-endian
    Child     another table
    Children  list of tables
    Tag       the number saying which table a union holds; follows from the union and cannot be set
    Union     one of several tables
"""

from __future__ import annotations

import operator
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import IntEnum
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self, dataclass_transform

    Dtype = TypeVar("Dtype", bound=np.generic)
    Row = TypeVar("Row", bound="Table")
    Member = TypeVar("Member", bound=IntEnum)
    MaybeNone: TypeAlias = Any  # may be None; spares every reader of a sound model the check

    class Vector(Generic[Dtype]):
        """Type of a numeric vector: any sequence may be assigned, an array (or None) is read back."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> NDArray[Dtype] | None: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...
        def __set__(self, table: Table, value: ArrayLike | None) -> None: ...

    class Tables(Generic[Row]):
        """Type of a vector of tables: a list, or None when absent."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> list[Row] | MaybeNone: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...
        def __set__(self, table: Table, value: Sequence[Row] | None) -> None: ...

    class Follows(Generic[Member]):
        """Type of the tag of a union: read only."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> Member: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...

else:

    def dataclass_transform(**_):
        return lambda cls: cls


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


Kind = Literal["scalar", "text", "vector", "child", "children", "tag", "union"]


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

    kind = "vector"

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
        if not isinstance(value, Table) or type(value).__name__ not in self.tag.enum.__members__:
            raise self.type_error(f"a table of {self.tag.enum.__name__}", value)
        return value


def _tag_property(tag: Tag, union: str) -> property:
    def get(table: Table) -> Any:
        held = getattr(table, union)
        # A file may name a table and then leave it out; the name is kept.
        return vars(table).get(tag.name, tag.default) if held is None else tag.enum[type(held).__name__]

    return property(get)


TABLES: dict[str, type[Table]] = {}
"""Every declared table by name."""


@dataclass_transform(kw_only_default=True, eq_default=False)
class Table:
    """Base of every table. Fields are set by keyword or by attribute, and checked when set.

    `==` compares the values of all fields, absent ones as their defaults, floats and arrays bit by bit.
    """

    FIELDS: ClassVar[tuple[Any, ...]] = ()
    """The fields in slot order."""
    BY_WIDTH: ClassVar[tuple[Any, ...]] = ()
    """The fields in the order they are laid out in a file: the widest first, so that none needs padding."""
    OUTSIDE: ClassVar[tuple[Any, ...]] = ()
    """The fields whose data may be stored after the flatbuffer."""
    _by_name: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        fields: dict[str, Any] = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        previous = None
        for slot, (name, field) in enumerate(fields.items()):
            field.bind(cls.__name__, name, slot)
            if field.kind == "union":
                field.tag = previous
                setattr(cls, field.tag.name, _tag_property(field.tag, name))
            setattr(cls, name, field.default)
            previous = field
        cls._by_name = fields
        cls.FIELDS = tuple(fields.values())
        cls.BY_WIDTH = tuple(sorted(cls.FIELDS, key=lambda field: -field.width))
        cls.OUTSIDE = tuple(field for field in cls.FIELDS if field.kind == "vector" and field.outside)
        TABLES[cls.__name__] = cls

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._by_name.get(name)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        if value is None:
            vars(self).pop(name, None)
        else:
            vars(self)[name] = field.accept(value)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed. Fields not named are shared with the original, not copied."""
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_show(value)}' for name, value in vars(self).items())})"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a.view(np.uint8), b.view(np.uint8))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and bool(a == b)


def _show(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if value.size <= 16 else f"<{value.dtype.name}[{value.size}]>"
    return str(value) if isinstance(value, int) else repr(value)


# The words of a declaration. They return Any so that `stride_w: int = int32()` is, to a type checker, a field of type
# int with a default.


def boolean(default: bool = False) -> Any:
    return Scalar("bool", "B", default)


def int8(default: int = 0) -> Any:
    return Scalar("int8", "b", default)


def int32(default: int = 0, *, deprecated: bool = False) -> Any:
    return Scalar("int32", "i", default, deprecated)


def uint32(default: int = 0) -> Any:
    return Scalar("uint32", "I", default)


def int64(default: int = 0) -> Any:
    return Scalar("int64", "q", default)


def uint64(default: int = 0) -> Any:
    return Scalar("uint64", "Q", default)


def float32(default: float = 0.0) -> Any:
    return Scalar("float32", "f", default)


def string(*, deprecated: bool = False) -> Any:
    return Text(deprecated)


def vector(dtype: type[np.generic], *, align: int = 1, outside: tuple[str, str] | None = None) -> Any:
    return VectorField(dtype, align, outside)


def table(of: type[Table]) -> Any:
    return Child(of)


def tables(of: type[Table]) -> Any:
    return Children(of)


def union_type(enum: type[IntEnum]) -> Any:
    return Tag(enum)


def union() -> Any:
    return Union()
